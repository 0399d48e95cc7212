"""Anything may lie on our topics: a bad record is buried with its bytes and a reason, its neighbours are applied."""

from collections import Counter
from pathlib import Path

import pytest
from confluent_kafka import Producer

from schemas.person import unseal
from schemas.records import Audit, DeadLetter
from schemas.rejected import Reason
from schemas.topics import AUDIT, DEAD_LETTERS, EVENTS_WEB, TOUCHPOINTS
from streams.engine.fold import Fold
from streams.runtime.handle import BrokerHandle
from tests.pipeline import CODEC, QUIET, Worker, fresh_topics, landed, produce, until
from tests.traffic import raw_events
from tests.worker import pipeline

pytestmark = pytest.mark.timeout(120)
RESOLVE = Fold(pipeline()[0])
GOOD = [emit for emit in raw_events(60) if emit.topic == EVENTS_WEB and RESOLVE.apply(0, emit.record)][:20]
BAD = {
    "not our framing": (b"garbage", Reason.UNDECODABLE),
    "empty": (b"", Reason.UNDECODABLE),
    "truncated": (CODEC.encode(GOOD[0].record)[:-9], Reason.UNDECODABLE),
    "trailing bytes": (CODEC.encode(GOOD[0].record) + b"!", Reason.UNDECODABLE),
    "unknown schema": (b"\x00\x7f\xff\xff\xff" + CODEC.encode(GOOD[0].record)[5:], Reason.UNKNOWN_SCHEMA),
    "another topic's record": (
        CODEC.encode(Audit(agent="x", topic="x", partition=0, first_offset=0, last_offset=0, tallies=[])),
        Reason.UNDECODABLE,
    ),
    "tombstone": (None, Reason.TOMBSTONE),
}


@pytest.fixture
def worker(broker: BrokerHandle, tmp_path: Path) -> Worker:
    return Worker(broker.bootstrap, "bad", tmp_path / "worker.log")


def fates(bootstrap: str, agent: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for one in landed(bootstrap, AUDIT):
        record = one.record
        assert isinstance(record, Audit)
        if record.agent == agent:
            found.update({tally.fate: tally.count for tally in record.tallies})
    return found


def letters(bootstrap: str) -> list[DeadLetter]:
    found = [one.record for one in landed(bootstrap, DEAD_LETTERS)]
    return [one for one in found if isinstance(one, DeadLetter)]


def test_bad_records_are_buried_with_their_bytes_and_harm_nobody(broker: BrokerHandle, worker: Worker) -> None:
    fresh_topics(broker.bootstrap)
    producer = Producer({"bootstrap.servers": broker.bootstrap, "partitioner": "murmur2_random", **QUIET})
    for topic in (EVENTS_WEB, TOUCHPOINTS):
        for value, _ in BAD.values():
            producer.produce(topic.name, key=b"k", value=value)
    producer.flush(10)
    produce(broker.bootstrap, GOOD)
    worker.start()
    try:
        until(lambda: len(letters(broker.bootstrap)) >= 2 * len(BAD))
        until(lambda: sum(fates(broker.bootstrap, "resolve").values()) >= len(GOOD) + len(BAD))
    finally:
        worker.kill()
    found = letters(broker.bootstrap)
    due = Counter(reason for _, reason in BAD.values())
    for topic in (EVENTS_WEB, TOUCHPOINTS):
        assert Counter(one.reason for one in found if one.topic == topic.name) == due
    values = {unseal(one.person, one.person_key)["value"] for one in found}
    assert values == {value or b"" for value, _ in BAD.values()}
    resolved = fates(broker.bootstrap, "resolve")
    assert resolved.pop("dead_letter") == len(BAD)
    assert sum(resolved.values()) == len(GOOD)


def test_a_record_too_large_to_be_buried_whole_does_not_stop_the_others(broker: BrokerHandle, worker: Worker) -> None:
    fresh_topics(broker.bootstrap)
    producer = Producer({"bootstrap.servers": broker.bootstrap, "message.max.bytes": 2_000_000, **QUIET})
    producer.produce(EVENTS_WEB.name, key=b"k" * 48_400, value=b"v" * 999_990)
    producer.flush(10)
    produce(broker.bootstrap, GOOD)
    worker.start()
    try:
        until(lambda: sum(fates(broker.bootstrap, "resolve").values()) > len(GOOD))
    finally:
        worker.kill()
    [buried] = letters(broker.bootstrap)
    assert buried.reason == Reason.UNDECODABLE
    assert "999990 bytes" in buried.detail


def test_a_record_under_the_wrong_key_finds_its_way(broker: BrokerHandle, worker: Worker) -> None:
    fresh_topics(broker.bootstrap)
    wrong = [emit._replace(key="somebody else") for emit in GOOD]
    produce(broker.bootstrap, wrong)
    worker.start()
    try:
        until(lambda: fates(broker.bootstrap, "resolve")["rekeyed"] >= len(GOOD))
        until(lambda: sum(fates(broker.bootstrap, "resolve").values()) >= 2 * len(GOOD))
    finally:
        worker.kill()
    moved = landed(broker.bootstrap, EVENTS_WEB)[len(GOOD) :]
    keys = Counter(one.key for one in landed(broker.bootstrap, EVENTS_WEB))
    assert keys["somebody else"] == len(GOOD)
    assert {emit.key for emit in GOOD} <= set(keys)
    assert moved
