"""A log in memory: what the pipeline makes of a month of made-up traffic, for commands that only read, or pin."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from schemas.learning import ModelSnapshot
from schemas.records import Audit, Record
from schemas.topics import AUDIT, LEADS_ROUTED, MODEL_VERSIONS, MODELS, TOUCHPOINTS, TRAINING_EXAMPLES, Topic
from streams import app
from streams.cards import card
from streams.domain.blend import Blend
from streams.domain.hazards import DAY_S
from streams.domain.routing import Routing
from streams.engine.fold import Fold
from tests.pipeline import CODEC
from tests.traffic import ENDS, PEPPER, SNAPSHOT_KEY, raw_events

BUCKETS = (DAY_S, 2 * DAY_S, 4 * DAY_S, 7 * DAY_S)
ENVIRON = {
    "KAFKA_BOOTSTRAP_SERVERS": "nowhere:1",
    "LEADSTREAM_PEPPER": PEPPER.decode(),
    "LEADSTREAM_SNAPSHOT_KEY": SNAPSHOT_KEY.decode(),
    "LEADSTREAM_PARTITIONS": "1",
    "LEADSTREAM_BUCKET_DAYS": "1,2,4,7",
}


class Lying(NamedTuple):
    """A record where it lies; read as a message of Kafka's is."""

    at: int
    named: str
    held: bytes | None
    ms: int

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self.at

    def key(self) -> bytes:
        return self.named.encode()

    def value(self) -> bytes | None:
        return self.held

    def timestamp(self) -> tuple[int, int]:
        return 1, self.ms


class Log:
    """Topics of one partition each, by name."""

    def __init__(self) -> None:
        self.topics: dict[str, list[Lying]] = defaultdict(list)

    def put(self, topic: str, key: str, value: bytes | None, at: float) -> int:
        """Add a record; return its offset."""
        lying = self.topics[topic]
        lying.append(Lying(len(lying), key, value, int(at * 1_000)))
        return len(lying) - 1

    def everything(self, _: object, topics: Iterable[Topic], __: object = None) -> Iterator[Lying]:
        """Return what `connectors.reading.everything` would, where what is kept by key has been compacted."""
        for topic in topics:
            lying = list(self.topics[topic.name])
            latest = {it.named: it.at for it in lying} if topic is MODEL_VERSIONS else {}
            yield from (it for it in lying if latest.get(it.named, it.at) == it.at)

    def producer(self, *_: object) -> Any:
        """Return a producer that writes here."""

        def produce(topic: str, value: bytes, key: str, on_delivery: Callable[[None, None], None]) -> None:
            self.put(topic, key, value, ENDS)
            on_delivery(None, None)

        return SimpleNamespace(produce=produce, flush=lambda: 0)


def month(events: int, seed: int = 7) -> Log:
    """Return the log of a month in which each record is worked on at once, with the newest model."""
    log, scorer = Log(), Blend(card())
    declared = app.agents(PEPPER, SNAPSHOT_KEY, 1, lambda: scorer, Routing(), ends=BUCKETS, late_s=1.5 * DAY_S)
    folds = {topic.name: Fold(agent) for agent in declared for topic in agent.inputs}
    learn, newest = folds[TRAINING_EXAMPLES.name], None
    for raw in raw_events(events, seed):
        waiting = deque([raw])
        while waiting:
            topic, key, record = waiting.popleft()
            at = _time(record)
            place = log.put(topic.name, key, CODEC.encode(record), at)
            if topic is TOUCHPOINTS:
                span = {"partition": 0, "first_offset": place, "last_offset": place, "leaned_on": scorer.version}
                log.put(AUDIT.name, "", CODEC.encode(Audit(agent="qualify", topic=topic.name, tallies=[], **span)), at)
            if topic.name in folds:
                waiting += folds[topic.name].apply(0, record)
                folds[topic.name].emitted.clear()
        for row in learn.rows.values():
            if isinstance(row, ModelSnapshot) and row is not newest:
                newest, scorer = row, Blend(card(), row)
    assert newest is not None
    log.put(MODELS.name, newest.kind, CODEC.encode(newest), newest.created_at)
    assert log.topics[MODEL_VERSIONS.name]
    assert log.topics[LEADS_ROUTED.name]
    return log


def remember(patch: pytest.MonkeyPatch, log: Log) -> None:
    """Let commands read and write a log in place of a broker, at the time at which it ends."""
    clock = SimpleNamespace(time=lambda: ENDS)
    for module in ("streams.versions", "streams.whatif"):
        patch.setattr(f"{module}.everything", log.everything)
    patch.setattr("streams.versions.kafka", SimpleNamespace(producer=log.producer))
    patch.setattr("streams.versions.time", clock)
    patch.setattr(import_module("streams.cli.whatif"), "time", clock)  # the package has a function of that name
    for name, value in ENVIRON.items():
        patch.setenv(name, value)


def _time(record: Record) -> float:
    return float(getattr(record, "occurred_at", 0.0) or getattr(record, "labelled_at", 0.0) or ENDS)
