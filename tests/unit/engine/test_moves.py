"""Positions are set while polls are under way: nothing is taken twice, nothing of a former assignment is taken on."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiokafka.errors import IllegalStateError

from streams.engine import app as engine_app
from streams.engine import transport
from streams.engine.config import Config
from streams.engine.rounds import Membership
from tests.pipeline import CODEC
from tests.unit.faust.memory import IN, Log
from tests.unit.faust.ours import on_a_log
from tests.worker import pipeline


def assigned(play: Callable[[Any], Awaitable[None]]) -> None:
    """Play with a consumer that has been assigned a partition of six records; the restore goes to the third."""

    async def scenario() -> None:
        log = Log()
        app = on_a_log(log)
        log.add(b"a", b"b", b"c", b"d", b"e", b"f")
        consumer, thread = app.consumer, app.consumer._thread
        thread.generation = app.consumer_generation_id = 1
        thread.positions = {IN: 0}
        consumer._set_active_tps({IN})
        await consumer.perform_seek()
        consumer.resume_flow()
        try:
            await play(app)
        finally:
            app.folding.cancel()

    asyncio.run(scenario())


def offsets(slices: list[Any]) -> list[int]:
    return [record.offset for part in slices for record in part.records]


def meanwhile(consumer: Any, at: int, happens: Callable[[], Awaitable[None]]) -> None:
    """Have something happen during a poll, after it has taken what it brings; each poll brings two records."""
    polls, getmany = iter(range(100)), consumer._thread.getmany

    async def polled(active: Any, timeout: float) -> Any:  # noqa: ASYNC109 - Faust's
        begins = consumer._thread.positions[IN]
        found = await getmany(active, timeout)
        if found:
            found = {IN: found[IN][:2]}
            consumer._thread.positions[IN] = begins + len(found[IN])
        if next(polls) == at:
            await happens()
        return found

    consumer._thread.getmany = polled


def test_what_a_rebalance_overtakes_is_void_whoever_we_are_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    # A follower that joins again may stay who it was: the same generation, the same member.
    async def play(app: Any) -> None:
        consumer = app.consumer
        seeking: list[asyncio.Task[None]] = []

        async def moves() -> None:
            consumer.stop_flow()
            seeking.append(asyncio.create_task(consumer.perform_seek()))
            await asyncio.sleep(0.01)
            assert not seeking[0].done()  # it waits for the poll
            seeking[0].add_done_callback(lambda _: consumer.resume_flow())

        monkeypatch.setattr(transport, "AT_ONCE_S", 60.0)  # the first poll is never so slow that no other follows
        meanwhile(consumer, 1, moves)
        assert offsets(await consumer._gather()) == []  # neither what had been taken, nor what was being polled
        assert offsets(await consumer._gather())[:2] == [2, 3]

    assigned(play)


def test_a_poll_under_way_when_the_flow_stops_brings_nothing() -> None:
    async def play(app: Any) -> None:
        consumer = app.consumer

        async def stops() -> None:
            consumer.stop_flow()

        meanwhile(consumer, 0, stops)
        assert offsets(await consumer._gather()) == []
        await consumer.perform_seek()
        consumer.resume_flow()
        assert offsets(await consumer._gather())[:2] == [2, 3]

    assigned(play)


@pytest.mark.parametrize("now", [Membership(2, "m"), Membership(-1, "")], ids=["joined anew", "expelled"])
def test_partitions_are_not_restored_under_another_membership_than_they_were_assigned_by(now: Membership) -> None:
    # The coordinator knows its next generation before it knows what that brings.
    async def play(app: Any) -> None:
        app.consumer._thread.membership = lambda: now
        with pytest.raises(IllegalStateError):
            await app.consumer.perform_seek()
        assert app.engine.membership == Membership(1, "m")

    assigned(play)


@pytest.mark.parametrize(
    ("owned", "known_as", "waits"),
    [
        ({("in", 0): 7}, Membership(-1, ""), True),  # put out, and nobody takes it back: faust#523, aiokafka#1154
        ({("in", 0): 7}, Membership(3, "m"), False),
        ({}, Membership(4, "m"), False),  # a spare worker: nothing was restored, and nothing waits
    ],
    ids=["put out", "at work", "spare"],
)
def test_who_is_put_out_of_the_group_is_seen_to_wait_though_it_has_read_everything(
    owned: dict[tuple[str, int], int], known_as: Membership, waits: bool
) -> None:
    # What it reads then is let go, and its positions move on: they tell the watchdog nothing.
    async def scenario() -> None:
        app: Any = engine_app.build(pipeline(), Config({"bootstrap.servers": "127.0.0.1:1", "log_level": 0}), CODEC)
        app.engine.membership, app.engine.restored = Membership(3, "m"), True
        thread = app.consumer._thread
        thread.positions, thread.membership = lambda: owned, lambda: known_as
        try:
            assert app.sight().rebalancing is waits
        finally:
            thread.thread_loop.close()

    asyncio.run(scenario())
