"""Restoring: a store comes to its changelog's end from wherever it stands, and from nowhere if it is off it."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from prometheus_client import REGISTRY

from schemas.records import Visitor
from schemas.topics import Topic
from streams.engine.offsets import Kafka
from streams.engine.restore import restore
from streams.engine.rocks import RocksStore
from streams.engine.standby import Standby
from streams.engine.store import MemoryStore, Store
from streams.engine.table import Table
from streams.runtime.handle import BrokerHandle
from tests.pipeline import CODEC, QUIET, until

pytestmark = pytest.mark.integration
NOW = time.time()
STORES: dict[str, Callable[[Path], Store]] = {
    "memory": lambda _: MemoryStore(),
    "rocksdb": lambda folder: RocksStore(folder, NOW),
}


def remaining() -> float:
    """What a worker tells of how much is still to be read."""
    return REGISTRY.get_sample_value("leadstream_restore_remaining_records") or 0.0


class Log:
    """A changelog of one partition."""

    def __init__(self, bootstrap: str, name: str) -> None:
        self._bootstrap, self.topic = bootstrap, Topic(name, (Visitor,), "visitor id", compacted=True)
        self._admin = AdminClient({"bootstrap.servers": bootstrap, **QUIET})
        self.make()

    def make(self) -> None:
        policy = {"cleanup.policy": "delete"}  # so that its beginning can be cut off
        until(lambda: self._settled(self._admin.create_topics([NewTopic(self.topic.name, 1, 1, config=policy)])))

    def make_anew(self) -> None:
        self._admin.delete_topics([self.topic.name])[self.topic.name].result(20)
        self.make()

    def cut(self, offset: int) -> None:
        place = TopicPartition(self.topic.name, 0, offset)
        self._admin.delete_records([place])[place].result(20)

    def write(self, rows: dict[str, bytes | None]) -> None:
        """Write rows as one transaction does."""
        producer = Producer(
            {"bootstrap.servers": self._bootstrap, "transactional.id": f"{self.topic.name}-writer", **QUIET}
        )
        producer.init_transactions(20)
        producer.begin_transaction()
        for key, value in rows.items():
            producer.produce(self.topic.name, value, key, 0)
        producer.commit_transaction(20)

    @property
    def kafka(self) -> Kafka:
        return {"bootstrap.servers": self._bootstrap, **QUIET}

    def restore(self, table: Table) -> int:
        return restore(self.kafka, [table], lambda: True, lambda: None, time.time())

    def _settled(self, made: Mapping[str, object]) -> bool:
        try:
            made[self.topic.name].result(20)  # type: ignore[attr-defined]
        except Exception:  # noqa: BLE001 - it is being deleted still
            return False
        return True


@pytest.fixture
def log(broker: BrokerHandle, topic_prefix: str) -> Log:
    made = Log(broker.bootstrap, f"{topic_prefix}visitors")
    made.write({"a": b"1", "b": b"2", "erased": b"3"})
    return made


@pytest.fixture(params=list(STORES.values()), ids=list(STORES))
def table(request: pytest.FixtureRequest, log: Log, tmp_path: Path) -> Table:
    return Table(log.topic, 0, request.param(tmp_path / "state"), CODEC)


def test_only_what_is_missing_is_read(log: Log, table: Table) -> None:
    assert log.restore(table) == 3
    assert log.restore(table) == 0
    log.write({"b": b"4", "erased": None})
    assert log.restore(table) == 2
    assert dict(table.store.items()) == {b"a": b"1", b"b": b"4"}


def test_a_changelog_made_anew_is_followed_from_its_beginning(log: Log, table: Table) -> None:
    log.restore(table)
    log.make_anew()
    log.write(dict.fromkeys("bcdefgh", b"new"))  # longer than the one before: its end tells nothing
    log.restore(table)
    assert dict(table.store.items()) == {key.encode(): b"new" for key in "bcdefgh"}


def test_a_store_ahead_of_its_changelog_is_thrown_away(log: Log, table: Table) -> None:
    """Brokers that lost their power may come back with less than they had acknowledged."""
    log.restore(table)
    table.store.apply({b"never to be": b"5"}, table.store.position + 100)
    log.restore(table)
    assert sorted(key for key, _ in table.store.items()) == [b"a", b"b", b"erased"]


def test_a_store_whose_changelog_begins_after_it_is_thrown_away(log: Log, table: Table) -> None:
    """What was cut off may have held deletions."""
    log.restore(table)
    position = table.store.position
    log.write({"erased": None})
    log.write({"b": b"6"})
    log.cut(position + 2)
    log.restore(table)
    assert dict(table.store.items()) == {b"b": b"6"}


def test_a_table_that_was_followed_needs_nothing_more_and_may_be_followed_again(log: Log, table: Table) -> None:
    log.restore(table)
    standby = Standby(log.kafka)
    standby.start()
    try:
        for value in (b"7", b"8"):
            standby.give([table])
            log.write({"a": value})
            until(lambda value=value: table.store.get(b"a") == value)  # type: ignore[misc]
            assert standby.take((log.topic.name, 0)) is table
            log.write({"b": value})
            assert log.restore(table) == 1
    finally:
        standby.stop()
    assert table.store.get(b"b") == b"8", "what is taken is not closed"


def test_what_is_followed_to_the_end_is_closed(log: Log, table: Table) -> None:
    standby = Standby(log.kafka)
    standby.start()
    standby.give([table])
    standby.stop()
    assert standby.take((log.topic.name, 0)) is None


def test_how_much_is_still_to_be_read_is_told_until_nothing_is(
    log: Log, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.engine.restore.READ", 1)
    told: list[float] = []

    def look() -> bool:
        told.append(remaining())
        return True

    restore(log.kafka, [table], look, lambda: None, time.time())
    told = told[told.index(max(told)) :]  # before, it was asked how far there is to go
    assert told[0] in (3, 4), "three rows and the end of their transaction; one may be read by the first look"
    assert told == sorted(told, reverse=True)
    assert remaining() == 0
