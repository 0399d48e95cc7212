"""Kafka in a few lists: what Faust's own consumer, producer and streams run on here, without a broker.

Everything above aiokafka is the real thing, and everything is on one event loop: the app, its agents, the conductor,
`faust.transport.drivers.aiokafka`'s Consumer and Producer, the rebalance and recovery services. Only the thread that
holds aiokafka's consumer, and aiokafka's producer, are replaced: they read from and write to a `Log`.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple, cast

import faust
from aiokafka.structs import ConsumerRecord
from faust.transport.drivers import TRANSPORTS, aiokafka
from faust.types import TP, ConsumerMessage
from mode import Service

SCHEME = "memory"
PARTITIONS = 1
IN = TP("in", 0)


class Sent(NamedTuple):
    """What the producer was given. `done` is the broker's answer; a test may keep it waiting."""

    topic: str
    key: bytes | None
    value: bytes | None
    done: "asyncio.Future[Any]"


class Log:
    """Records by partition, offsets committed, what was sent; `calls` tells in which order Faust did what."""

    def __init__(self) -> None:
        self.records: defaultdict[TP, list[ConsumerRecord[Any, Any]]] = defaultdict(list)
        self.committed: dict[TP, int] = {}
        self.sent: list[Sent] = []
        self.calls: list[str] = []
        self.created: list[str] = []
        self.answers = True
        self.fails: Exception | None = None

    def add(self, *values: bytes | None, tp: TP = IN, headers: Collection[tuple[str, bytes]] = ()) -> None:
        """Append records to a partition."""
        for value in values:
            offset = len(self.records[tp])
            record = ConsumerRecord(*tp, offset, 1_000, 0, b"key", value, None, 3, len(value or b""), tuple(headers))
            self.records[tp].append(record)


class MemoryThread(Service):
    """Stands where Faust keeps the thread around aiokafka's consumer."""

    def __init__(self, consumer: Any, **options: Any) -> None:
        self.consumer, self.app = consumer, consumer.app
        self.log_ = cast(Log, consumer.app.memory)
        self.positions: dict[TP, int] = {}
        self.generation = 0
        super().__init__(**options)

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Join: whoever subscribes owns everything."""
        self.add_future(self.rebalance({TP(topic, p) for topic in topics for p in range(PARTITIONS)}))

    async def rebalance(self, assigned: set[TP]) -> None:
        """Take all partitions away and give others, as aiokafka's coordinator does through Faust's listener."""
        self.app.on_rebalance_start()
        await self.consumer.on_partitions_revoked(set(self.positions))
        self.generation += 1
        self.app.consumer_generation_id = self.generation
        self.positions = dict.fromkeys(assigned, 0)
        await self.consumer.on_partitions_assigned(assigned, self.generation)

    async def getmany(self, active_partitions: set[TP] | None, timeout: float) -> Mapping[TP, list[Any]]:  # noqa: ASYNC109, ARG002 - Faust's
        """Return what lies at our positions, and move them."""
        found = {}
        for tp in active_partitions or ():
            if records := self.log_.records[tp][self.positions[tp] :]:
                self.positions[tp] += len(records)
                found[tp] = records
        await asyncio.sleep(0 if found else 0.005)
        return found

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Begin where the last commit left off."""
        self.log_.calls.append("seek_to_committed")
        self.positions = {tp: self.log_.committed.get(tp, 0) for tp in self.positions}
        return {tp: self.log_.committed.get(tp, -1) for tp in self.positions}

    async def commit(self, offsets: Mapping[TP, int]) -> bool:
        """Take offsets."""
        self.log_.calls.append("commit")
        self.log_.committed.update(offsets)
        return True

    def seek(self, partition: TP, offset: int) -> None:
        """Move a position."""
        self.log_.calls.append(f"seek {partition.topic}-{partition.partition} {offset}")
        self.positions[partition] = offset

    def assignment(self) -> set[TP]:
        """Return what is ours."""
        return set(self.positions)

    def highwater(self, tp: TP) -> int:
        """Return the end of a partition."""
        return len(self.log_.records[tp])

    def topic_partitions(self, topic: str) -> int:  # noqa: ARG002 - Faust's
        """Return how many partitions a topic has."""
        return PARTITIONS

    def close(self) -> None:
        """Leave."""

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Look for stalls: not here."""


class MemoryProducer:
    """Stands for `aiokafka.AIOKafkaProducer`."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def start(self) -> None:
        """Connect to nothing."""

    async def stop(self) -> None:
        """Connect to nothing."""

    async def flush(self) -> None:
        """Wait for what was sent, whatever became of it: as aiokafka's does."""
        self._log.calls.append("flush")
        await asyncio.wait([asyncio.ensure_future(asyncio.sleep(0)), *(sent.done for sent in self._log.sent)])

    async def send(self, topic: str, value: bytes | None, key: bytes | None, **options: Any) -> "asyncio.Future[Any]":  # noqa: ARG002 - aiokafka's
        """Take a record; the broker answers at once unless told otherwise."""
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._log.sent.append(Sent(topic, key, value, done))
        if self._log.fails is not None:
            done.set_exception(self._log.fails)
        elif self._log.answers:
            done.set_result(None)
        return done


class Consumer(aiokafka.Consumer):
    """Faust's consumer on a `Log`."""

    def _new_consumer_thread(self) -> Any:
        return MemoryThread(self, loop=self.loop, beacon=self.beacon)


class Producer(aiokafka.Producer):
    """Faust's producer on a `Log`."""

    def _new_producer(self, transactional_id: str | None = None) -> Any:  # noqa: ARG002 - Faust's
        return MemoryProducer(cast(Any, self.app).memory)

    async def create_topic(self, topic: str, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Faust's
        """Note what Faust would have made."""
        cast(Any, self.app).memory.created.append(topic)


class Transport(aiokafka.Transport):
    """Named by `memory://`."""

    Consumer = Consumer
    Producer = Producer


TRANSPORTS.aliases[SCHEME] = f"{__name__}:Transport"


def stock(log: Log, **settings: Any) -> Any:
    """Return an app as Faust's guide has it, on a log; it commits every 20 ms."""
    options = {"broker_commit_interval": 0.02, "stream_recovery_delay": 0.0, "web_enabled": False, **settings}
    app = faust.App("probe", broker=f"{SCHEME}://", store="memory://", topic_disable_leader=True, **options)
    on(app, log)
    return app


def on(app: Any, log: Log) -> None:
    """Let an app run on a log, without the second that Faust gives tables to register."""
    app.memory = log
    app.tables.sleep = lambda _seconds: asyncio.sleep(0)


def raw(app: Any, *topics: str) -> Any:
    """Return a channel whose keys and values stay bytes."""
    return app.topic(*topics, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")


def message(app: Any, offset: int, tp: TP = IN) -> ConsumerMessage:
    """Return a message as the consumer makes them."""
    generation = app.consumer_generation_id
    return ConsumerMessage(*tp, offset, 1.0, 0, [], b"key", b"value", None, 3, 5, tp=tp, generation_id=generation)


@asynccontextmanager
async def running(app: Any) -> AsyncIterator[None]:
    """Run an app, and stop it in good order."""
    starting = asyncio.create_task(app.start())
    try:
        yield
    finally:
        await asyncio.wait_for(app.stop(), 5)
        starting.cancel()
        with suppress(asyncio.CancelledError):
            await starting


async def until(holds: Callable[[], object], patience_s: float = 5.0) -> None:
    """Wait until it holds; fail when it never does."""
    async with asyncio.timeout(patience_s):
        while not holds():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.002)
