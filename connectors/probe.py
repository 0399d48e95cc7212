"""The probe: how far each group is behind, seen from outside, so that a worker that says nothing is seen too.

Lag in seconds is the age of the first record that the group has not committed.
"""

import logging
import signal
import threading
import time
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from connectors import kafka, metrics
from connectors.destinations import groups
from connectors.settings import ProbeSettings
from schemas.topics import EVENTS, LEADS_PROFILES, LEADS_ROUTED, TOUCHPOINTS, TRAINING_EXAMPLES, Topic

__all__ = ["GROUPS", "Lag", "Probe", "run"]

log = logging.getLogger(__name__)
ASK_S = 10.0
GROUPS: Mapping[str, tuple[Topic, ...]] = {
    "leadstream": (*EVENTS.values(), TOUCHPOINTS, TRAINING_EXAMPLES),
    "leadstream-view": (LEADS_PROFILES, LEADS_ROUTED, TOUCHPOINTS),
}


class Lag(NamedTuple):
    """How far a group is behind in a topic: offsets over all partitions, and the age of the oldest record due."""

    records: int
    seconds: float


class Probe:
    """Looks at one group with a client that never joins it."""

    def __init__(self, client: Mapping[str, str | int | float | bool], group: str, topics: Iterable[Topic]) -> None:
        self.group, self._topics = group, tuple(topics)
        self._consumer = Consumer(
            {
                **client,
                "group.id": group,
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "queued.max.messages.kbytes": 1024,
            }
        )

    def look(self, now: float) -> dict[str, Lag]:
        """Return the lag by topic; `now` in seconds since 1970. Raises `KafkaException`."""
        return {topic.name: self._lag(topic.name, now) for topic in self._topics}

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()

    def _lag(self, topic: str, now: float) -> Lag:
        partitions = self._consumer.list_topics(topic, timeout=ASK_S).topics[topic].partitions
        behind, records = [], 0
        for tp in self._consumer.committed([TopicPartition(topic, number) for number in partitions], timeout=ASK_S):
            if tp.error is not None:
                raise KafkaException(tp.error)
            first, end = self._consumer.get_watermark_offsets(tp, timeout=ASK_S)
            begin = max(tp.offset, first)
            if end > begin:
                behind.append(TopicPartition(topic, tp.partition, begin))
                records += end - begin
        return Lag(records, max(now - self._oldest(behind), 0.0) if behind else 0.0)

    def _oldest(self, behind: list[TopicPartition]) -> float:
        """Return when the oldest of the first records due was written; never, where only markers are due."""
        waited = {tp.partition for tp in behind}
        oldest, ends_at = float("inf"), time.monotonic() + ASK_S
        self._consumer.assign(behind)
        try:
            while waited and time.monotonic() < ends_at:
                message = self._consumer.poll(0.5)
                if message is None or message.partition() not in waited:
                    continue
                error = message.error()
                if error is None:
                    oldest = min(oldest, message.timestamp()[1] / 1000)
                elif error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                    raise KafkaException(error)
                waited.discard(message.partition())
        finally:
            self._consumer.unassign()
        return oldest


def run(settings: ProbeSettings) -> None:
    """Look again and again until SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    metrics.serve(settings.metrics_host, settings.metrics_port)
    relays = dict.fromkeys(groups(settings.destinations_file), (LEADS_ROUTED,))
    probes = [Probe(kafka.client(settings), group, topics) for group, topics in {**GROUPS, **relays}.items()]
    try:
        while not stop.is_set():
            for probe in probes:
                try:
                    show(probe.group, probe.look(time.time()))
                except KafkaException as error:
                    log.warning("the lag of %s cannot be seen: %s", probe.group, error)
                    metrics.PROBE_FAILURES.labels(probe.group).inc()
            stop.wait(settings.probe_every_s)
    finally:
        for probe in probes:
            probe.close()


def show(group: str, lags: Mapping[str, Lag]) -> None:
    """Put lags on /metrics."""
    for topic, lag in lags.items():
        metrics.LAG_RECORDS.labels(group, topic).set(lag.records)
        metrics.LAG_SECONDS.labels(group, topic).set(lag.seconds)
