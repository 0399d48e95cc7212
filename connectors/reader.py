"""Reading topics as a member of a group, for work that may take long: batches come out, offsets go back when done.

A member that works must go on polling or lose its partitions: `read` leaves out those that are busy, `hold` takes none.

Offsets are sent and not waited for. After brokers had been frozen, librdkafka has been seen to wait for the answer to a
commit for ever, and a member that waits polls nothing.
"""

import logging
import time
from collections.abc import Iterable, Set
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from connectors import kafka
from connectors.settings import Connection

__all__ = ["Reader", "Spot", "place"]

log = logging.getLogger(__name__)
Spot = tuple[str, int]
ASK_S = 10.0
FENCED = {
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError._NO_OFFSET,  # noqa: SLF001 - its public name
}


class Reader:
    """One member of a group. Not for several threads at once."""

    def __init__(self, settings: Connection, group: str, topics: Iterable[str], first: str = "") -> None:
        """Join the group. `first` is the topic that is read to its end before the same partition of another is."""
        told: kafka.Config = {"enable.partition.eof": bool(first), "on_commit": cast("str", self._answered)}
        self._consumer = kafka.consumer(settings, group, extra=told)
        self._first = first
        self._ended: set[Spot] = set()
        self._paused: set[Spot] = set()
        self._holding = False
        self._lost: set[Spot] = set()
        self._due: dict[Spot, int] = {}
        self._again_at = 0.0  # until then an answer is awaited, monotonic
        self.owned: set[Spot] = set()
        self._consumer.subscribe(list(topics), on_assign=self._gain, on_revoke=self._lose, on_lost=self._lose)

    def read(self, most: int, wait_s: float, busy: Set[Spot] = frozenset()) -> list[Message]:
        """Return what has come from partitions that are not `busy`, up to `most` records; wait `wait_s` for the first.

        Passing troubles of the broker are waited out.
        """
        self._holding = False
        self._pause((busy & self.owned) | self._behind())
        first = self._consumer.poll(wait_s)
        if first is None:
            return []
        found = (first, *self._consumer.consume(most - 1, 0))
        self._ended |= {place(message)[0] for message in found if _ends(message)}
        return [message for message in found if not _trouble(message)]

    def hold(self, wait_s: float) -> None:
        """Stay in the group for `wait_s` seconds without taking records."""
        self._holding = True
        self._pause(self.owned)
        message = self._consumer.poll(wait_s)
        if message is not None and not _trouble(message):  # it was on its way when the pause came
            spot, offset = place(message)
            self._consumer.seek(TopicPartition(*spot, offset))

    def lost(self) -> set[Spot]:
        """Return the partitions taken from us since the last call, even those that came back: they begin anew."""
        lost, self._lost = self._lost, set()
        return lost

    def commit(self, done: dict[Spot, int]) -> None:
        """Have the next offset of each partition that is still ours committed, while we read on.

        A group that has moved on reads the records again; what a broker did not take, or has not answered for a while,
        is sent again at a later call.
        """
        self._due |= {spot: offset for spot, offset in done.items() if spot in self.owned}
        if time.monotonic() >= self._again_at:
            self._send()

    def _send(self) -> None:
        offsets = [TopicPartition(*spot, offset) for spot, offset in self._due.items()]
        if not offsets:
            return
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            self._answered(error.args[0], offsets)
        else:
            self._again_at = time.monotonic() + ASK_S

    def _answered(self, error: KafkaError | None, offsets: list[TopicPartition]) -> None:
        """Keep what was not committed for the next time. Raises when waiting cannot help."""
        self._again_at = 0.0
        if error is not None and error.code() not in FENCED:
            if error.fatal():
                raise KafkaException(error)
            log.warning("offsets are not committed yet", extra={"error": error})
            return
        for at in offsets:
            over = error is not None or at.error is None  # the group has moved on, or it is committed
            if over and self._due.get((at.topic, at.partition)) == at.offset:
                del self._due[at.topic, at.partition]

    def rewind(self, topic: str, since: float) -> dict[Spot, int] | None:
        """Go back to what was written since then, seconds since the epoch, on the topic's partitions that are ours.

        Returns the offsets, which are sent to be committed; None when the broker does not answer.
        """
        wanted = [TopicPartition(topic, number, int(since * 1000)) for name, number in self.owned if name == topic]
        try:
            found = [spot for spot in self._consumer.offsets_for_times(wanted, ASK_S) if spot.offset >= 0]
            for spot in found:
                self._consumer.seek(spot)
        except KafkaException as error:
            log.warning("cannot go back yet", extra={"error": error})
            return None
        offsets = {(spot.topic, spot.partition): spot.offset for spot in found}
        self._due |= offsets
        self._send()
        return offsets

    def seek(self, spot: Spot, offset: int) -> bool:
        """Read on from there; an offset that is gone means the first that is left. False: not now, ask again."""
        try:
            self._consumer.seek(TopicPartition(*spot, offset))
        except KafkaException as error:
            at = {"topic": spot[0], "partition": spot[1], "offset": offset}
            log.warning("cannot go to an offset yet", extra=at | {"error": error})
            return False
        return True

    def close(self) -> None:
        """Leave the group, when the last offsets are through."""
        try:
            self._send()
        finally:
            self._consumer.close()

    def _pause(self, spots: Set[Spot]) -> None:
        """Pause these partitions and no others."""
        self._consumer.pause([TopicPartition(*spot) for spot in spots - self._paused])
        self._consumer.resume([TopicPartition(*spot) for spot in self._paused - spots])
        self._paused = set(spots)

    def _behind(self) -> set[Spot]:
        """Return the partitions that wait until that of the first topic is read to its end."""
        if not self._first:
            return set()
        return {spot for spot in self.owned if spot[0] != self._first and (self._first, spot[1]) not in self._ended}

    def _gain(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        spots = {(partition.topic, partition.partition) for partition in partitions}
        consumer.assign(partitions)
        self.owned |= spots
        self._ended -= spots
        self._pause(self.owned if self._holding else self._paused | self._behind())

    def _lose(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        spots = {(partition.topic, partition.partition) for partition in partitions}
        self._send()
        self.owned -= spots
        self._paused -= spots
        self._lost |= spots
        self._due = {spot: offset for spot, offset in self._due.items() if spot not in spots}


def place(message: Message) -> tuple[Spot, int]:
    """Return where a record lies: its partition and its offset there."""
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    if topic is None or partition is None or offset is None:
        raise ValueError("a record that was never on a topic")
    return (topic, partition), offset


def _ends(message: Message) -> bool:
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF  # noqa: SLF001 - its public name


def _trouble(message: Message) -> bool:
    """Tell whether this is librdkafka's note of a trouble rather than a record. Raises when waiting cannot help."""
    error = message.error()
    if error is not None and (error.fatal() or error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED):
        raise KafkaException(error)
    return error is not None
