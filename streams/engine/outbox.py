"""The one transactional producer of a worker: everything a round sends, and the offsets it has read, commit together.

It knows which failures mean "again" (`Aborted`: the round is retried) and which mean "you are no longer the one"
(`Fenced`: another worker owns the partitions, or the producer is beyond repair; the process must end).

A producer that gets no answer for as long as a transaction may be open is given up, and another takes its place: what
it left open is ended by that. Where it was the commit that nobody answered, the offsets then say whether it holds: each
transaction marks those that it commits. It takes that much because librdkafka can lose its way for good: when all
brokers wake up together they tell of a cluster without brokers for a moment, and it may never look for them again
(librdkafka#5301; seen on 2.16.0: five of twelve producers); and when the group's coordinator goes, a call that sends
offsets may never come back (librdkafka#5456; seen when it was killed).
"""

import logging
import math
from collections.abc import Callable, Iterable, Mapping, Set
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from threading import Thread
from uuid import uuid4

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from streams.engine.offsets import Interrupted, Kafka, Place
from streams.engine.traces import Headers

log = logging.getLogger(__name__)
CALL_S = 5.0
Marks = Callable[[Iterable[Place]], Mapping[Place, str]]
STALE = {
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError._FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH,
    KafkaError.PRODUCER_FENCED,
}
SETTINGS = {
    "acks": "all",
    "enable.idempotence": True,
    "partitioner": "murmur2_random",
    "compression.type": "lz4",
    "linger.ms": 5,  # records travel while others are folded: a request for each partition takes the broker its time
    "retry.backoff.ms": 3,  # a round that follows at once waits for the last one's markers: not for 100 ms
    "queue.buffering.max.messages": 1_000_000,
    "queue.buffering.max.kbytes": 65_536,  # what a stalled broker may cost us in memory
    "message.max.bytes": 2_200_000,
    "enable.metrics.push": False,
}


class Aborted(Exception):
    """The transaction was aborted, nothing of it is visible: do the round again."""


class Unanswered(Aborted):
    """The broker has not answered for as long as a transaction may be open."""


class Fenced(Exception):
    """The broker does not take our commits any more: end the process, do not retry."""


class Outbox:
    """Begin, send, then commit or abort. All calls that wait on the broker block: run them off the event loop."""

    def __init__(self, kafka: Kafka, transactional_id: str, timeout_s: float, marks: Marks) -> None:
        """`marks` tells what the group's commits are marked with; raises `KafkaException` when nobody answers."""
        named = {"transactional.id": transactional_id, "transaction.timeout.ms": int(timeout_s * 1000)}
        self._settings = {**SETTINGS, **kafka, **named}
        self._tries = max(math.ceil(timeout_s / CALL_S), 2)  # not a clock: one try may be all that we were frozen for
        self._producer = Producer(self._settings)
        self._marks, self._mark = marks, ""
        self._open, self._wanted = False, True
        self.headers: Headers | None = None  # what all that is sent from now on carries

    def __len__(self) -> int:
        """Return how many records and events wait in the producer."""
        return len(self._producer)

    def start(self) -> None:
        """Take the transactional id over: fences and aborts whatever its last owner left open.

        Raises `Fenced`, and `Interrupted` once `close` was called: until then it asks as often as it takes.
        """
        while True:
            try:
                self._insist("to take us in", self._taken_in)
            except Unanswered:
                self._replace()
            else:
                return

    def close(self) -> None:
        """Let nobody wait any more for brokers that do not answer at the start."""
        self._wanted = False

    def begin(self) -> None:
        """Open a transaction. Raises `Fenced`."""
        self.headers, self._mark = None, uuid4().hex
        self._insist("to begin", lambda _: self._producer.begin_transaction())
        self._open = True

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int = -1,
        delivered: Callable[[int], None] | None = None,
    ) -> None:
        """Queue a record; `delivered` is told its offset. Partition -1 = by key.

        Waits while the queue is full; a broker that does not take from it fails the transaction in time. Raises
        `Aborted` when the transaction has failed already; other failures show at commit.
        """
        report = _tell(delivered) if delivered else None
        while True:
            try:
                self._producer.produce(topic, value, key, partition, on_delivery=report, headers=self.headers)
            except BufferError:
                self._producer.poll(0.1)
            except KafkaException as error:
                raise Aborted(error.args[0].str()) from error
            else:
                return

    def commit(self, offsets: Mapping[Place, int], group_metadata: bytes) -> None:
        """Commit what was sent together with `offsets` (the next to read). Raises `Aborted` or `Fenced`."""
        positions = [TopicPartition(*place, offset, self._mark) for place, offset in offsets.items()]
        try:
            send = partial(self._producer.send_offsets_to_transaction, positions, group_metadata)
            self._insist("to take our offsets", partial(_punctually, send))
            self._end(set(offsets))
        except Unanswered:
            self._leave_behind()
            raise
        except Aborted:
            self.abort()
            raise
        self._open = False

    def abort(self) -> None:
        """Undo what was sent since `begin`, if anything. Raises `Fenced`."""
        if self._open:
            self._open = False
            try:
                self._insist("to abort", self._producer.abort_transaction)
            except Unanswered:
                self._leave_behind()

    def poll(self) -> None:
        """Serve delivery reports."""
        self._producer.poll(0)

    def _taken_in(self, timeout_s: float) -> None:
        if not self._wanted:
            raise Interrupted
        self._producer.init_transactions(timeout_s)

    def _end(self, places: Set[Place]) -> None:
        """Commit what was sent. A commit that nobody answers may hold or not: whoever takes its id over can look."""
        try:
            self._insist("to commit", self._producer.commit_transaction)
        except Unanswered as silence:
            why = str(silence)
        else:
            return
        self._leave_behind()
        if not self._holds(places):
            raise Aborted(why)
        log.warning("a commit that nobody answered holds")

    def _holds(self, places: Set[Place]) -> bool:
        try:
            return set(self._marks(places).values()) == {self._mark}
        except KafkaException as error:
            raise Fenced(f"whether it has committed is not known: {error.args[0].str()}") from error

    def _leave_behind(self) -> None:
        """Go on with another producer; taking the transactional id over ends what this one has left open."""
        self._open = False
        self._replace()
        self.start()

    def _replace(self) -> None:
        log.warning("a producer got no answer: another takes its place")
        self._producer.purge()
        self._producer = Producer(self._settings)

    def _insist(self, asked: str, call: Callable[[float], object]) -> None:
        """Make a call that librdkafka lets us resume, until it is through or fails for good, or raise `Unanswered`."""
        for left in reversed(range(self._tries)):
            try:
                call(CALL_S)
            except KafkaException as error:
                reason: KafkaError = error.args[0]
                if reason.fatal() or reason.code() in STALE:
                    raise Fenced(reason.str()) from error
                if reason.txn_requires_abort():
                    raise Aborted(reason.str()) from error
                if not reason.retriable():
                    raise Fenced(reason.str()) from error
                log.warning("the broker does not answer: trying again", extra={"why": asked, "error": error})
                if not left:
                    raise Unanswered(f"no answer when asked {asked}: {reason.str()}") from error
            else:
                return


def _punctually(call: Callable[[float], object], timeout_s: float) -> None:
    """Make a call that may not keep to its timeout (librdkafka#5456): in a thread that is left behind if it does not.

    Waits twice as long, and in two turns: the first may be over at once, when it was we who were frozen.
    """
    outcome = Future[object]()

    def run() -> None:
        try:
            outcome.set_result(call(timeout_s))
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            outcome.set_exception(error)

    Thread(target=run, name="offsets", daemon=True).start()
    for _ in range(2):
        with suppress(TimeoutError):
            outcome.result(timeout_s)
            return
    raise Unanswered(f"a call that was to take {timeout_s:g} s has not come back")


def _tell(delivered: Callable[[int], None]) -> Callable[[KafkaError | None, object], None]:
    def told(error: KafkaError | None, message: object) -> None:
        if error is None:
            delivered(int(message.offset()))  # type: ignore[attr-defined]

    return told
