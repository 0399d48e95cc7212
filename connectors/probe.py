"""The probe: what can be seen from outside, so that a worker that says nothing is seen too.

How far each group is behind and whether it moves, whether the books close, how long a canary lead takes, and how Kafka
and Redis are. Lag in seconds is the age of the first record that the group has not committed.
"""

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from connectors import audit, kafka, metrics
from connectors.audit import Auditor
from connectors.canary import Canaries
from connectors.destinations import groups
from connectors.expiry import look_at_certificates
from connectors.progress import STALLED_S, Progress
from connectors.servers import look_at_kafka, look_at_redis
from connectors.settings import ProbeSettings
from schemas.codec import Codec
from schemas.registry import open_registry
from schemas.topics import (
    EVENTS,
    LEADS_PROFILES,
    LEADS_ROUTED,
    NOTICES,
    QUESTIONS,
    TOUCHPOINTS,
    TRAINING_EXAMPLES,
    Topic,
)

__all__ = ["GROUPS", "Lag", "Probe", "run"]

log = logging.getLogger(__name__)
ASK_S = 10.0
CERTIFICATES_EVERY_S = 600.0
GROUPS: Mapping[str, tuple[Topic, ...]] = {
    "leadstream": (*EVENTS.values(), TOUCHPOINTS, QUESTIONS, TRAINING_EXAMPLES),
    "leadstream-fetcher": (NOTICES,),
    "leadstream-view": (LEADS_PROFILES, LEADS_ROUTED, TOUCHPOINTS),
}


class Lag(NamedTuple):
    """How far a group is behind in a topic: offsets over all partitions, and the age of the oldest record due.

    `still_s` = for how long the slowest partition has stood still with records due; `stalled` partitions have for long.
    `end` is the sum of the partitions' ends.
    """

    records: int
    seconds: float
    still_s: float = 0.0
    stalled: int = 0
    end: int = 0


class Probe:
    """Looks at one group with a client that never joins it."""

    def __init__(self, client: Mapping[str, str | int | float | bool], group: str, topics: Iterable[Topic]) -> None:
        self.group, self._topics = group, tuple(topics)
        self.unknown = False  # a broker said so: nobody has ever worked here
        self._progress = Progress()
        self._consumer = Consumer(
            {
                **client,
                "group.id": group,
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "queued.max.messages.kbytes": 1024,
                "fetch.wait.max.ms": 50,  # where only a marker is due, the end is waited for as long
            }
        )

    def look(self, now: float) -> dict[str, Lag]:
        """Return the lag by topic; `now` in seconds since 1970. Raises `KafkaException`."""
        return {topic.name: self._lag(topic.name, now) for topic in self._topics}

    def look_at_kafka(self) -> None:
        """Put what the cluster says of itself on /metrics. Raises `KafkaException`."""
        look_at_kafka(self._consumer)

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()

    def _lag(self, topic: str, now: float) -> Lag:
        """Return a topic's lag. Behind the last record lies its transaction's marker, which is nobody's to apply."""
        begins: dict[int, int] = {}
        ends: dict[int, int] = {}
        for number, committed in self._committed(topic).items():
            first, ends[number] = self._consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=ASK_S)
            begins[number] = max(committed, first)
        written = self._written(topic, {number: at for number, at in begins.items() if ends[number] > at})
        still = [self._progress.note((topic, it), at, it in written, now) for it, at in begins.items()]
        return Lag(
            sum(ends[number] - begins[number] for number in written),
            max(now - min(written.values(), default=now), 0.0),
            max(still, default=0.0),
            sum(it >= STALLED_S for it in still),
            sum(ends.values()),
        )

    def _committed(self, topic: str) -> dict[int, int]:
        """Return the group's offset by partition, below 0 where there is none. Raises `KafkaException`."""
        partitions = self._consumer.list_topics(topic, timeout=ASK_S).topics[topic].partitions
        wanted = [TopicPartition(topic, number) for number in partitions]
        try:
            found = self._consumer.committed(wanted, timeout=ASK_S)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.GROUP_ID_NOT_FOUND:
                raise
            self.unknown = True
            return dict.fromkeys(partitions, -1)
        self.unknown = False
        for tp in found:
            if tp.error is not None and tp.error.code() != KafkaError.GROUP_ID_NOT_FOUND:
                raise KafkaException(tp.error)
            self.unknown = self.unknown or tp.error is not None
        return {tp.partition: -1 if tp.error is not None else tp.offset for tp in found}

    def _written(self, topic: str, begins: Mapping[int, int]) -> dict[int, float]:
        """Return when the first record due was written, by partition; none where only markers are due.

        A partition that does not answer in time counts as due, since no time that we know of (infinity).
        """
        waited, written, ends_at = set(begins), dict[int, float](), time.monotonic() + ASK_S
        self._consumer.assign([TopicPartition(topic, number, at) for number, at in begins.items()])
        try:
            while waited and time.monotonic() < ends_at:
                message = self._consumer.poll(0.5)
                if message is None or message.partition() not in waited:
                    continue
                error, number = message.error(), int(message.partition() or 0)
                if error is None:
                    written[number] = message.timestamp()[1] / 1000
                elif error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                    raise KafkaException(error)
                waited.discard(number)
        finally:
            self._consumer.unassign()
        return written | dict.fromkeys(waited, float("inf"))


class Watch:
    """Everything the probe looks at, made anew after trouble where it has to be."""

    def __init__(self, settings: ProbeSettings) -> None:
        self._settings, self._client = settings, kafka.client(settings)
        watched = {**GROUPS, **groups(settings.destinations_file)}
        self._probes = [Probe(self._client, group, topics) for group, topics in watched.items()]
        self._codec = Codec(open_registry(settings.schema_registry_url or None))
        self._auditor: Auditor | None = None
        self._certificates_at = 0.0

    def look(self, now: float) -> None:
        """Look at everything once; what cannot be seen is counted, and looked at the next time."""
        well = [self._seen(probe.group, lambda it=probe: show(it.group, it.look(now))) for probe in self._probes]  # type: ignore[misc]
        well.append(self._seen("kafka", self._probes[0].look_at_kafka))
        well.append(self._seen("audit", lambda: self._audit(now)))
        if self._settings.redis_url:
            look_at_redis(self._settings)
        if now - self._certificates_at >= CERTIFICATES_EVERY_S:
            look_at_certificates(self._settings)
            self._certificates_at = now
        if all(well):
            metrics.PROBE_LOOKED.set(now)

    def close(self) -> None:
        """Let go of the broker."""
        for probe in self._probes:
            probe.close()
        if self._auditor is not None:
            self._auditor.close()

    def _audit(self, now: float) -> None:
        if self._auditor is None:
            inputs = GROUPS["leadstream"]
            self._auditor = Auditor(self._client, "leadstream", inputs, self._codec, self._settings.audit_grace_s)
        audit.show(self._auditor.look(now))
        metrics.AUDIT_OPEN.set(self._auditor.open)

    def _seen(self, what: str, look: Callable[[], None]) -> bool:
        try:
            look()
        except (KafkaException, KeyError) as error:  # KeyError: a topic is not there yet
            log.warning("it cannot be seen", extra={"reason": what, "error": error})
            metrics.PROBE_FAILURES.labels(what).inc()
            return False
        return True


def run(settings: ProbeSettings) -> None:
    """Look again and again until SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    metrics.serve(settings.metrics_host, settings.metrics_port)
    watch, canaries = Watch(settings), Canaries(settings)
    if settings.canary_key.get_secret_value():
        canaries.start()
    try:
        while not stop.is_set():
            watch.look(time.time())
            stop.wait(settings.probe_every_s)
    finally:
        watch.close()
        canaries.stop()


def show(group: str, lags: Mapping[str, Lag]) -> None:
    """Put lags on /metrics."""
    for topic, lag in lags.items():
        metrics.LAG_RECORDS.labels(group, topic).set(lag.records)
        metrics.LAG_SECONDS.labels(group, topic).set(lag.seconds)
        metrics.OFFSET_AGE.labels(group, topic).set(lag.still_s)
        metrics.STALLED.labels(group, topic).set(lag.stalled)
        metrics.TOPIC_END.labels(topic).set(lag.end)
