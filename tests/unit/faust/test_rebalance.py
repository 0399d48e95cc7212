"""The order of things when partitions come and go: what our consumer hooks into, and what it replaces."""

import asyncio
from collections.abc import Callable
from typing import Any

from aiokafka.errors import IllegalStateError
from faust.types import TP

from tests.unit.faust.memory import IN, Log, message, raw, running, stock, until


def note(log: Log, of: Any, *names: str) -> None:
    """Have calls of an object's methods noted in the log's `calls`."""
    for name in names:
        setattr(of, name, _noted(log, name, getattr(of, name)))


def _noted(log: Log, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        log.calls.append(name)
        return method(*args, **options)

    return call


def reader(app: Any, seen: list[Any]) -> Any:
    """An agent that notes what it reads."""

    @app.agent(raw(app, "in"))
    async def run(stream: Any) -> None:
        async for event in stream.events():
            seen.append(event.message.offset)  # noqa: PERF401 - a stream has no end

    return run


def test_what_was_acked_is_forgotten_before_it_could_be_committed_at_a_revoke() -> None:
    # F4. Ours: acks commit nothing; a round under way is waited for, or given up (`BatchConsumer.wait_empty`).
    async def scenario() -> None:
        app = stock(Log(), broker_commit_interval=60.0)
        consumer = app.consumer
        app.topics._acking_topics.add("in")
        consumer.ack(message(app, 0))
        assert consumer._new_offset(IN) == 1
        consumer.ack(message(app, 1))
        left = []

        async def then(_revoked: set[TP]) -> None:
            left.append(consumer._new_offset(IN))

        consumer._on_partitions_revoked = then
        await consumer.on_partitions_revoked({IN})
        assert left == [None]

    asyncio.run(scenario())


def test_partitions_are_given_back_only_after_the_flow_has_stopped_and_the_consumer_is_empty() -> None:
    # What `BatchConsumer.wait_empty` leans on: when it is called, no new round can begin.
    async def scenario() -> None:
        log = Log()
        seen: list[int] = []
        app = stock(log)
        reader(app, seen)
        log.add(b"a")
        async with running(app):
            await until(lambda: log.committed.get(IN) == 1)
            log.calls.clear()
            note(log, app.consumer, "stop_flow", "wait_empty")
            note(log, app.flow_control, "suspend", "clear")
            await app.consumer.on_partitions_revoked({IN})
            assert [call for call in log.calls if call != "commit"][:4] == [
                "stop_flow",
                "suspend",
                "clear",
                "wait_empty",
            ]

    asyncio.run(scenario())


def test_the_consumer_seeks_after_an_assignment_and_before_the_flow_resumes() -> None:
    # What `BatchConsumer.perform_seek` leans on: it restores state there, while nothing is read.
    async def scenario() -> None:
        log = Log()
        seen: list[int] = []
        app = stock(log)
        reader(app, seen)
        note(log, app.consumer, "perform_seek", "resume_flow", "resume_partitions", "on_partitions_assigned")
        async with running(app):
            await until(lambda: "resume_flow" in log.calls)
            order = ["on_partitions_assigned", "resume_partitions", "perform_seek", "seek_to_committed", "resume_flow"]
            assert log.calls[: len(order)] == order

    asyncio.run(scenario())


def test_a_seek_that_raises_illegal_state_waits_for_the_next_assignment() -> None:
    # What `BatchConsumer.perform_seek` raises when partitions move again during a restore.
    async def scenario() -> None:
        log = Log()
        seen: list[int] = []
        app = stock(log)
        reader(app, seen)
        seek, fails = app.consumer.perform_seek, [IllegalStateError("again")]

        async def perform_seek() -> None:
            if fails:
                raise fails.pop()
            await seek()

        app.consumer.perform_seek = perform_seek
        log.add(b"a")
        async with running(app):
            await until(lambda: not fails)
            await asyncio.sleep(0.05)
            assert (seen, app.crashed) == ([], False)
            await app.consumer._thread.rebalance({IN})
            await until(lambda: seen == [0])

    asyncio.run(scenario())


def test_a_seek_longer_than_the_request_timeout_leaves_a_worker_that_reads_nothing_and_says_nothing() -> None:
    # Why `build` sets broker_request_timeout to a week: it would bound our restores, and this is how they would end.
    async def scenario() -> None:
        log = Log()
        seen: list[int] = []
        app = stock(log, broker_request_timeout=0.05, broker_session_timeout=0.05)
        reader(app, seen)

        seek = app.consumer.perform_seek

        async def perform_seek() -> None:
            await asyncio.sleep(0.15)
            await seek()

        app.consumer.perform_seek = perform_seek
        log.add(b"a")
        async with running(app):
            await asyncio.sleep(0.5)
            assert (seen, app.crashed, app.rebalancing) == ([], False, True)

    asyncio.run(scenario())


def test_streams_skip_messages_of_an_earlier_generation() -> None:
    # What `BatchConsumer._deliver` leans on: a batch that a rebalance overtook is not given to its agent.
    async def scenario() -> None:
        log = Log()
        seen: list[int] = []
        app = stock(log)
        run = reader(app, seen)
        log.add(b"a")
        async with running(app):
            await until(lambda: seen == [0])
            [actor] = run._actors
            for offset, generation in ((7, app.consumer_generation_id - 1), (8, app.consumer_generation_id)):
                late = message(app, offset)
                late.generation_id = generation
                late.incref()
                actor.stream.channel.queue.put_nowait(app.create_event(b"k", b"v", {}, late))
            await until(lambda: 8 in seen)
            assert seen == [0, 8]

    asyncio.run(scenario())


def test_a_stop_waits_for_ever_for_an_event_that_is_not_acked() -> None:
    # F11. Ours: `wait_empty` gives the round up; `run` leaves after 20 s whatever hangs.
    async def scenario() -> None:
        app = stock(Log())
        stuck = message(app, 0)
        app.consumer._unacked_messages.add(stuck)
        waiting = asyncio.create_task(app.consumer.wait_empty())
        await asyncio.sleep(0.2)
        assert not waiting.done()
        app.consumer._unacked_messages.clear()
        await asyncio.wait_for(waiting, 5)

    asyncio.run(scenario())
