"""What becomes of offsets that a reader has committed, whether the broker answers, refuses, or says nothing."""

from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from connectors import kafka
from connectors.reader import ASK_S, Reader
from connectors.settings import Connection
from streams.runtime.handle import BrokerHandle
from tests.pipeline import fresh_topics, until
from tests.traffic import settings

SPOT = ("leads.routed", 0)


class Silent:
    """A consumer that keeps what is committed with it, and answers when it is told to."""

    def __init__(self, heard: Any) -> None:
        self._heard, self.sent = heard, list[list[TopicPartition]]()

    def subscribe(self, _: list[str], **__: object) -> None:
        """Join nothing."""

    def commit(self, offsets: list[TopicPartition], *, asynchronous: bool) -> None:
        """Take a commit that is not waited for."""
        assert asynchronous
        self.sent.append(offsets)

    def answer(self, code: int | None = None) -> None:
        """Answer the last commit."""
        self._heard(None if code is None else KafkaError(code), self.sent[-1])

    def close(self) -> None:
        """Leave nothing."""

    @property
    def offsets(self) -> list[int]:
        """The offset of each commit so far."""
        return [at.offset for sent in self.sent for at in sent]


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in seconds, to be moved on."""
    clock = [1.0]
    monkeypatch.setattr("connectors.reader.time.monotonic", lambda: clock[0])
    return clock


@pytest.fixture
def joined(monkeypatch: pytest.MonkeyPatch, now: list[float]) -> tuple[Reader, Silent]:
    """A reader that owns a partition, and its consumer; the time stands still."""
    assert now
    made: list[Silent] = []

    def consumer(_: Connection, __: str, extra: kafka.Config) -> Silent:
        made.append(Silent(extra["on_commit"]))
        return made[0]

    monkeypatch.setattr(kafka, "consumer", consumer)
    found = Reader(settings(), "g", [SPOT[0]])
    found.owned = {SPOT}
    return found, made[0]


def test_a_commit_that_nobody_answers_holds_up_nothing_and_is_sent_again(
    joined: tuple[Reader, Silent], now: list[float]
) -> None:
    found, consumer = joined
    for offset in (1, 2, 3):
        found.commit({SPOT: offset})
    assert consumer.offsets == [1], "one at a time"
    now[0] += ASK_S
    found.commit({})
    assert consumer.offsets == [1, 3], "and then the newest"


def test_what_was_taken_is_not_sent_again_and_what_came_meanwhile_is(joined: tuple[Reader, Silent]) -> None:
    found, consumer = joined
    found.commit({SPOT: 1})
    found.commit({SPOT: 2})
    consumer.answer()
    found.commit({})
    consumer.answer()
    found.commit({})
    assert consumer.offsets == [1, 2]


@pytest.mark.parametrize(
    ("code", "sent"),
    [(KafkaError.COORDINATOR_LOAD_IN_PROGRESS, [1, 1]), (KafkaError.ILLEGAL_GENERATION, [1])],
)
def test_what_was_refused_is_sent_again_unless_the_group_has_moved_on(
    joined: tuple[Reader, Silent], code: int, sent: list[int]
) -> None:
    found, consumer = joined
    found.commit({SPOT: 1})
    consumer.answer(code)
    found.commit({})
    assert consumer.offsets == sent


def test_who_may_not_commit_at_all_says_so(joined: tuple[Reader, Silent]) -> None:
    found, consumer = joined
    found.commit({SPOT: 1})
    with pytest.raises(KafkaException):
        consumer._heard(KafkaError(KafkaError._FATAL, "", True), consumer.sent[-1])


def test_who_loses_a_partition_sends_what_is_left_and_never_sends_it_again(joined: tuple[Reader, Silent]) -> None:
    found, consumer = joined
    found.commit({SPOT: 1})
    found.commit({SPOT: 2})
    found._lose(consumer, [TopicPartition(*SPOT)])  # type: ignore[arg-type]
    assert consumer.offsets == [1, 2]
    found.commit({SPOT: 3})
    found.owned = {SPOT}
    consumer.answer()
    found.commit({})
    assert consumer.offsets == [1, 2], "who has it now may be further"


def test_who_leaves_sends_what_is_left(joined: tuple[Reader, Silent]) -> None:
    found, consumer = joined
    found.commit({SPOT: 1})
    found.commit({SPOT: 2})
    found.close()
    assert consumer.offsets == [1, 2]


def test_what_was_committed_last_is_there_when_the_reader_has_left(broker: BrokerHandle) -> None:
    fresh_topics(broker.bootstrap)
    left = Reader(settings(broker.bootstrap), "left", [SPOT[0]])
    until(lambda: not left.read(10, 0.1) and SPOT in left.owned)
    left.commit({SPOT: 1})
    left.commit({SPOT: 7})
    left.close()
    asked = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "left"})
    try:
        assert [at.offset for at in asked.committed([TopicPartition(*SPOT)], timeout=20)] == [7]
    finally:
        asked.close()
