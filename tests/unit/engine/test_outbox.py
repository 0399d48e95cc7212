"""What each answer of the broker means to a round; and that a full queue is waited for, not outgrown."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from threading import Event
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.engine.offsets import Kafka, Place
from streams.engine.outbox import STALE, Aborted, Fenced, Outbox


class Scripted:
    """A producer whose calls meet what is written, one after the other, and then nothing."""

    def __init__(self, **meets: list[Exception]) -> None:
        self.meets, self.calls = meets, list[str]()

    def __getattr__(self, name: str) -> Callable[..., None]:
        def call(*_: object, **__: object) -> None:
            self.calls.append(name)
            if left := self.meets.get(name):
                raise left.pop(0)

        return call


def error(code: int, *, fatal: bool = False, retriable: bool = False, abort: bool = False) -> KafkaException:
    return KafkaException(KafkaError(code, "", fatal, retriable, abort))


TRIES = 3  # of CALL_S seconds, in the time that a transaction may be open


NOWHERE: Kafka = {"bootstrap.servers": "127.0.0.1:1", "log_level": 0}


def opened(**meets: list[Exception]) -> tuple[Outbox, Any]:
    made = Outbox(NOWHERE, "test", 15.0, lambda _: {})
    scripted: Any = Scripted(**meets)
    made._producer = scripted
    made.begin()
    scripted.calls.clear()
    return made, scripted


def test_a_full_queue_is_waited_for_until_it_has_room_and_the_record_goes_once() -> None:
    outbox, producer = opened(produce=[BufferError(), BufferError()])
    outbox.send("t", b"k", b"v")
    assert producer.calls == ["produce", "poll", "produce", "poll", "produce"]


def test_a_queue_that_a_failed_transaction_leaves_full_is_not_waited_for() -> None:
    outbox, _ = opened(produce=[BufferError(), error(KafkaError._STATE)])
    with pytest.raises(Aborted):
        outbox.send("t", b"k", b"v")


def test_no_answer_is_waited_for_and_the_call_resumed() -> None:
    outbox, producer = opened(send_offsets_to_transaction=[silence()], commit_transaction=[silence(), silence()])
    outbox.commit({("t", 0): 1}, b"m")
    assert producer.calls == 2 * ["send_offsets_to_transaction"] + 3 * ["commit_transaction"]


@pytest.fixture
def following(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """The producer that takes another's place, and is heard at the second try."""
    made = Scripted(init_transactions=[silence()])
    monkeypatch.setattr("streams.engine.outbox.Producer", lambda _: made)
    return made


def silence() -> KafkaException:
    return error(KafkaError._TIMED_OUT, retriable=True)


@pytest.mark.parametrize("call", ["send_offsets_to_transaction", "abort_transaction"])
def test_a_producer_that_gets_no_answer_is_replaced_and_the_round_done_again(call: str, following: Scripted) -> None:
    meets: dict[str, list[Exception]] = {call: [silence() for _ in range(9)]}
    if call == "abort_transaction":
        meets["commit_transaction"] = [error(KafkaError._TIMED_OUT, abort=True)]
    outbox, silent = opened(**meets)
    with pytest.raises(Aborted):
        outbox.commit({("t", 0): 1}, b"m")
    assert silent.calls[-1] == "purge"
    assert silent.calls.count(call) == TRIES, "no longer than its transaction may be open"
    assert following.calls == ["init_transactions", "init_transactions"], "what the other left open is ended first"
    following.calls.clear()
    outbox.abort()
    assert following.calls == [], "there is nothing to abort"


def test_a_call_that_does_not_keep_to_its_timeout_is_left_behind(
    following: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.engine.outbox.CALL_S", 0.05)
    outbox, stuck = opened()
    released = Event()
    stuck.send_offsets_to_transaction = lambda *_: released.wait()
    with pytest.raises(Aborted, match="has not come back"):
        outbox.commit({("t", 0): 1}, b"m")
    released.set()
    assert stuck.calls == ["purge"]
    assert following.calls == ["init_transactions", "init_transactions"]


def test_a_producer_that_nobody_takes_in_is_replaced(following: Scripted) -> None:
    outbox, silent = opened(init_transactions=[silence() for _ in range(9)])
    outbox.start()
    assert silent.calls == [*TRIES * ["init_transactions"], "purge"]
    assert following.calls == ["init_transactions", "init_transactions"]


def test_one_try_is_never_all_however_short_a_transaction_may_be_open() -> None:
    outbox = Outbox(NOWHERE, "test", 1.0, lambda _: {})
    outbox._producer = scripted = Scripted(init_transactions=[silence()])  # type: ignore[assignment]
    outbox.start()
    assert scripted.calls == 2 * ["init_transactions"], "it may have been we who were frozen"


@pytest.mark.parametrize("others", [{}, {("t", 1): "another's"}, {("t", 1): ""}], ids=["holds", "moved on", "does not"])
def test_whether_a_commit_that_nobody_answers_holds_its_marks_say(
    others: Mapping[Place, str], following: Scripted
) -> None:
    outbox, silent = opened(commit_transaction=[silence() for _ in range(9)])

    def marks(places: Iterable[Place]) -> Mapping[Place, str]:
        following.calls.append("marks")
        return {**dict.fromkeys(places, outbox._mark), **others}

    outbox._marks = marks
    with pytest.raises(Aborted) if others else nullcontext():
        outbox.commit({("t", 0): 1, ("t", 1): 5}, b"m")
    assert silent.calls[-1] == "purge"
    assert "abort_transaction" not in silent.calls
    assert following.calls == ["init_transactions", "init_transactions", "marks"], "an end must come first"
    before = outbox._mark
    outbox.begin()
    assert following.calls[-1] == "begin_transaction"
    assert outbox._mark != before


@pytest.mark.usefixtures("following")
def test_a_worker_that_cannot_find_out_whether_its_commit_holds_ends() -> None:
    outbox, silent = opened(commit_transaction=[silence() for _ in range(9)])

    def nobody(_: object) -> Mapping[Place, str]:
        raise silence()

    outbox._marks = nobody
    with pytest.raises(Fenced, match="not known"):
        outbox.commit({("t", 0): 1}, b"m")
    assert "abort_transaction" not in silent.calls


def test_what_only_this_transaction_has_to_pay_for_is_undone_once_and_may_be_done_again() -> None:
    outbox, producer = opened(commit_transaction=[error(KafkaError._TIMED_OUT, abort=True)])
    with pytest.raises(Aborted):
        outbox.commit({("t", 0): 1}, b"m")
    outbox.abort()
    assert producer.calls.count("abort_transaction") == 1


def refusals() -> Iterator[Any]:
    yield from (pytest.param(error(code, retriable=True, abort=True), id=str(code)) for code in sorted(STALE))
    yield pytest.param(error(KafkaError._FATAL, fatal=True), id="fatal")
    yield pytest.param(error(KafkaError.TOPIC_AUTHORIZATION_FAILED), id="not to be tried again")


@pytest.mark.parametrize("refusal", list(refusals()))
@pytest.mark.parametrize("call", ["send_offsets_to_transaction", "commit_transaction"])
def test_who_is_not_the_one_any_more_commits_nothing_and_tries_nothing(call: str, refusal: Exception) -> None:
    outbox, producer = opened(**{call: [refusal]})
    with pytest.raises(Fenced):
        outbox.commit({("t", 0): 1}, b"m")
    assert producer.calls[-1] == call


@pytest.mark.parametrize("refusal", list(refusals()))
def test_who_is_fenced_is_fenced_in_an_abort_as_well_and_does_not_wait_for_it(refusal: Exception) -> None:
    outbox, producer = opened(abort_transaction=[refusal])
    with pytest.raises(Fenced):
        outbox.abort()
    assert producer.calls == ["abort_transaction"]
