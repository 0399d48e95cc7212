"""How the pipeline is doing, as Kafka tells it: what comes in, how far each group is, what was buried, which model.

Reads only, joins no group, and needs no process of ours to answer: it works when everything else does not.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple, cast

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from connectors import kafka
from connectors.controls import State, states
from connectors.probe import GROUPS, Lag, Probe
from connectors.settings import Connection
from schemas.codec import Codec
from schemas.learning import ModelSnapshot
from schemas.registry import open_registry
from schemas.rejected import Rejected
from schemas.topics import (
    DEAD_LETTERS,
    EVENTS,
    LEADS_CONVERSIONS,
    LEADS_ROUTED,
    MODELS,
    NOTICES,
    QUARANTINE,
    TOUCHPOINTS,
    TRAINING_EXAMPLES,
    Topic,
)

__all__ = ["Beat", "Pulse"]

ASK_S = 10.0
BACK = 20  # offsets of `models` to look back: markers lie between the snapshots


class Beat(NamedTuple):
    """One look: where topics end (offsets, all partitions), lag by group and topic, destinations, the newest model.

    A group that has never committed has no lags. `at` in seconds since 1970.
    """

    at: float
    ends: Mapping[str, int]
    lags: Mapping[str, Mapping[str, Lag]]
    destinations: Mapping[str, State]
    model: ModelSnapshot | None

    def lag(self, group: str) -> Lag:
        """Return a group's lag over all its topics."""
        found = self.lags.get(group, {}).values()
        return Lag(
            sum(it.records for it in found),
            max((it.seconds for it in found), default=0.0),
            max((it.still_s for it in found), default=0.0),
            sum(it.stalled for it in found),
            sum(it.end for it in found),
        )


class Pulse:
    """Looks again and again. `relays` are the destinations' groups, with what they read. Raises `BrokerUnreachable`."""

    SEEN: tuple[Topic, ...] = (
        *EVENTS.values(),
        NOTICES,
        TOUCHPOINTS,
        LEADS_ROUTED,
        LEADS_CONVERSIONS,
        TRAINING_EXAMPLES,
        QUARANTINE,
        DEAD_LETTERS,
    )

    def __init__(self, settings: Connection, relays: Mapping[str, Sequence[Topic]] | None = None) -> None:
        kafka.check(settings, ())
        self._settings, client = settings, kafka.client(settings)
        watched = {**GROUPS, **(relays or {})}
        self._probes = [Probe(client, group, topics) for group, topics in watched.items()]
        self._consumer = kafka.consumer(settings, "leadstream-pulse", extra=kafka.TO_THE_END)
        self._admin = AdminClient(client)
        self._codec = Codec(open_registry(settings.schema_registry_url or None), ("ModelSnapshot",))

    def look(self, now: float) -> Beat:
        """Look at everything once. Raises `KafkaException`, `BrokerUnreachable`."""
        ends = {topic.name: sum(end for _, end in self._bounds(topic)) for topic in self.SEEN}
        lags = {probe.group: lags for probe in self._probes if (lags := self._lags(probe, now)) is not None}
        return Beat(now, ends, lags, states(self._settings), self._model())

    def since(self, topics: Iterable[Topic], then: float) -> int:
        """Return about how many records were written since `then`, seconds since 1970 (markers are counted too)."""
        return sum(self._since(topic, then) for topic in topics)

    def members(self, groups: Iterable[str]) -> dict[str, int]:
        """Return how many processes are in each group, as far as the brokers tell us: some do not let everybody ask."""
        asked = self._admin.describe_consumer_groups(list(groups), request_timeout=ASK_S)
        found = {}
        for group, answer in asked.items():
            with suppress(KafkaException, TimeoutError):
                found[group] = len(answer.result(ASK_S).members)
        return found

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()
        for probe in self._probes:
            probe.close()

    def _spots(self, topic: Topic, offset: int = 0) -> list[TopicPartition]:
        partitions = self._consumer.list_topics(topic.name, timeout=ASK_S).topics[topic.name].partitions
        return [TopicPartition(topic.name, number, offset) for number in partitions]

    def _bounds(self, topic: Topic) -> list[tuple[int, int]]:
        return [self._consumer.get_watermark_offsets(spot, timeout=ASK_S) for spot in self._spots(topic)]

    def _since(self, topic: Topic, then: float) -> int:
        found = self._consumer.offsets_for_times(self._spots(topic, int(then * 1000)), timeout=ASK_S)
        return sum(
            max(end - spot.offset, 0) if spot.offset >= 0 else 0
            for spot, (_, end) in zip(found, self._bounds(topic), strict=True)
        )

    @staticmethod
    def _lags(probe: Probe, now: float) -> Mapping[str, Lag] | None:
        found = probe.look(now)
        return None if probe.unknown else found

    def _model(self) -> ModelSnapshot | None:
        """Return the newest snapshot there is; unsigned ones too: whoever scores looks at the signature."""
        [(first, end)] = self._bounds(MODELS)
        self._consumer.assign([TopicPartition(MODELS.name, 0, max(first, end - BACK))])
        newest, until = None, time.monotonic() + ASK_S
        try:
            while time.monotonic() < until:
                message = self._consumer.poll(0.5)
                if message is None:
                    continue
                if message.error() is not None:
                    return newest
                try:
                    newest = cast("ModelSnapshot", self._codec.decode(message.value(), MODELS.records))
                except Rejected:
                    continue
        finally:
            self._consumer.unassign()
        return newest
