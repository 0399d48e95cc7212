"""Our transport on a log, with an engine that only notes what it is asked."""

import asyncio
from collections.abc import Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

from aiokafka.errors import IllegalStateError

from streams.engine import app as engine_app
from streams.engine import transport
from streams.engine.boundary import Batch, Slice
from streams.engine.offsets import Interrupted
from streams.engine.patience import Patience
from streams.engine.rounds import Membership, Round
from tests.unit.faust.memory import Log, MemoryThread, Producer, on


class MemoryBatches(transport.BatchConsumer):
    """Our consumer, fed by a log."""

    def _new_consumer_thread(self) -> Any:
        thread = MemoryThread(self, loop=self.loop, beacon=self.beacon)
        cast(Any, thread).membership = lambda: Membership(thread.generation, "m")
        cast(Any, thread).bound = lambda _records: None
        cast(Any, thread).move = partial(_move, thread)
        return thread


async def _move(thread: MemoryThread, positions: Mapping[Any, int], membership: Membership) -> None:
    if membership.generation != thread.generation:
        raise IllegalStateError
    for tp, offset in positions.items():
        thread.seek(tp, offset)


class MemoryTransport(transport.Transport):
    """Our transport on a log."""

    Consumer = MemoryBatches
    Producer = Producer


class Engine:
    """Stands for the host: rounds are noted, and undone when told."""

    def __init__(self) -> None:
        self.membership = Membership(-1, "")
        self.rounds = SimpleNamespace(open_with=lambda _round: None)
        self.pace = SimpleNamespace(limit=1_000)
        self.patience = Patience()
        self.delivered: list[tuple[int, ...]] = []
        self.undo = 0
        self.released = 0
        self.interrupt = False
        self.restored = False

    def heard(self) -> None:
        pass

    def waits(self, _topic: str) -> bool:
        return True

    def round(self, slices: list[Slice]) -> Round:
        return Round(self.membership, [Batch("run", tuple(slices))])

    async def run(self, new: Round, deliver: Any) -> bool:
        deliver(new.batches["run"])
        await new.folded.wait()
        if self.undo:
            self.undo -= 1
            return False
        self.delivered.append(tuple(record.offset for part in new.slices() for record in part.records))
        return True

    async def restore(self, assigned: set[tuple[str, int]], membership: Membership) -> dict[tuple[str, int], int]:
        if self.interrupt:
            raise Interrupted
        self.membership, self.restored = membership, True
        return dict.fromkeys(assigned, 2)

    async def release(self) -> None:
        self.released += 1


def on_a_log(log: Log) -> Any:
    """A Faust app with our transport and an engine that only notes."""
    app: Any = engine_app.App(
        "ours", broker="leadstream://", stream_recovery_delay=0.0, topic_disable_leader=True, web_enabled=False
    )
    app.transport = MemoryTransport([], app)
    app.engine = Engine()
    on(app, log)
    channel = app.topic(
        "in", key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw", acks=False
    )

    @app.agent(channel, name="run")
    async def run(stream: Any) -> None:
        async for event in stream.events():
            rounds.append(event.value)
            current = event.value
            app.engine.current = current
            folded.set()

    rounds: list[Batch] = []
    folded = asyncio.Event()
    app.engine.rounds.open_with = lambda new: setattr(app.engine, "open", new)

    async def fold() -> None:
        while True:
            await folded.wait()
            folded.clear()
            app.engine.open.folded.set()

    app.folding = asyncio.create_task(fold())
    app.seen = rounds
    return app
