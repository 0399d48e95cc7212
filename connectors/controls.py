"""What people tell a running relay: pause, resume, replay. Told on the compacted topic `destinations`, by name.

The last word stays there, so a relay that starts later heeds it too: who is paused stays paused. A replay is for those
who run when it is told; who does not run is rewound where its offsets are kept.
"""

import logging
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import msgspec
from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from connectors import kafka
from connectors.kafka import BrokerUnreachable
from connectors.settings import Connection
from schemas.topics import DESTINATIONS, Topic

__all__ = ["Follower", "State", "Told", "members", "rewind", "states", "tell"]

log = logging.getLogger(__name__)
ASK_S = 10.0
GROUP = "leadstream-destinations"  # nobody's: it never commits
EOF = KafkaError._PARTITION_EOF  # noqa: SLF001 - its public name


class State(StrEnum):
    """What a destination is doing."""

    RUNNING = "running"
    PAUSED = "paused"  # somebody said so
    DISABLED = "disabled"  # it said so itself: HTTP 410


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that was told of a destination. `since` (seconds since the epoch) is a replay, 0 = none."""

    name: str
    state: State = State.RUNNING
    since: float = 0.0
    at: float = 0.0


def tell(settings: Connection, told: Told) -> None:
    """Tell it; returns when the broker has it. Raises `BrokerUnreachable`."""
    outcome: list[KafkaError | None] = []
    key = f"{told.name}/replay" if told.since else told.name
    producer = kafka.producer(settings, ASK_S)
    producer.produce(
        DESTINATIONS.name, msgspec.json.encode(told), key, on_delivery=lambda error, _: outcome.append(error)
    )
    producer.flush()
    if outcome != [None]:
        raise BrokerUnreachable(f"{DESTINATIONS.name} cannot be written at {settings.bootstrap_servers}: {outcome[0]}")


class Follower:
    """Reads the topic on a thread of its own. `heed(told, fresh)` is called there; fresh = told since we follow."""

    def __init__(self, settings: Connection, heed: Callable[[Told, bool], None]) -> None:
        self._settings = settings
        self._consumer = kafka.consumer(settings, GROUP, extra=kafka.TO_THE_END)
        self._heed, self._fresh, self._stop = heed, False, threading.Event()
        self._consumer.assign([TopicPartition(DESTINATIONS.name, 0, OFFSET_BEGINNING)])

    def catch_up(self) -> None:
        """Return when all that is there has been heeded. Raises `BrokerUnreachable`."""
        until = time.monotonic() + ASK_S
        while not self._fresh:
            self._read()
            if time.monotonic() > until:
                kafka.check(self._settings, ())  # says so when no broker lets us in
                raise BrokerUnreachable(f"{DESTINATIONS.name} cannot be read; `leadstream topics ensure` makes it")

    def run(self) -> None:
        """Follow until `stop`."""
        while not self._stop.is_set():
            self._read()
        self._consumer.close()

    def stop(self) -> None:
        """End `run` soon."""
        self._stop.set()

    def close(self) -> None:
        """Let go, when `run` was never called."""
        self._consumer.close()

    def _read(self) -> None:
        message = self._consumer.poll(0.2)
        if message is None:
            return
        error = message.error()
        if error is None:
            if (told := _told(message)) is not None:
                self._heed(told, self._fresh)
        elif error.code() == EOF:
            self._fresh = True


def states(settings: Connection) -> dict[str, State]:
    """Return the last word on each destination; who is not there runs. Raises `BrokerUnreachable`."""
    found: dict[str, State] = {}

    def heed(told: Told, fresh: bool) -> None:  # noqa: ARG001 - what a follower tells
        if not told.since:
            found[told.name] = told.state

    follower = Follower(settings, heed)
    try:
        follower.catch_up()
    finally:
        follower.close()
    return found


def members(settings: Connection, group: str) -> int:
    """Return how many relays deliver for a group now. Raises `BrokerUnreachable`."""
    admin = AdminClient(kafka.client(settings))
    try:
        return len(admin.describe_consumer_groups([group])[group].result(ASK_S).members)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return 0
        raise BrokerUnreachable(f"no broker tells of the group {group}: {error.args[0].str()}") from error


def rewind(settings: Connection, group: str, topic: Topic, since: float) -> dict[int, int]:
    """Set a group without members back to what was written to a topic since then. Returns the partitions' offsets.

    Raises `KafkaException` when it has members: they must be told instead.
    """
    consumer = kafka.consumer(settings, group)
    try:
        spots = [
            TopicPartition(topic.name, number, int(since * 1000))
            for number in range(kafka.partitions_of(topic, settings))
        ]
        found = [spot for spot in consumer.offsets_for_times(spots, ASK_S) if spot.offset >= 0]
        if found:
            consumer.commit(offsets=found, asynchronous=False)
        return {spot.partition: spot.offset for spot in found}
    finally:
        consumer.close()


def _told(message: Message) -> Told | None:
    value: Any = message.value()
    try:
        return msgspec.json.decode(value or b"", type=Told)
    except (msgspec.DecodeError, msgspec.ValidationError):
        log.warning("a record cannot be read and is passed over", extra={"topic": DESTINATIONS.name})
        return None
