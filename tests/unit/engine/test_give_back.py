"""Who is left with no partitions keeps nothing of their state, and who stands by keeps it to follow it on."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from streams import metrics
from streams.engine import app as engine_app
from streams.engine.config import Config
from streams.engine.offsets import Interrupted, Place
from streams.engine.rounds import Membership
from streams.engine.store import MemoryStore
from tests.pipeline import CODEC
from tests.worker import pipeline

WEB = ("events.web", 0)


class Counted(MemoryStore):
    """A store that is known while it is held."""

    held = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).held += 1
        self.apply({b"k": b"v"}, 1)

    def close(self) -> None:
        type(self).held -= 1
        super().close()


def owner(*, standby: bool = False) -> Any:
    """An app that owns a partition of every topic of `resolve`; nothing is read to restore it."""
    Counted.held = 0
    config = Config({"bootstrap.servers": "127.0.0.1:1", "log_level": 0}, standby=standby)
    app: Any = engine_app.build(pipeline(), config, CODEC, lambda _topic, _partition: Counted())

    def restored(assigned: set[Place], *_: Any) -> tuple[dict[Place, int], int]:
        return dict.fromkeys(assigned, 0), 0

    app.engine._restore = restored
    return app


def places(app: Any) -> set[Place]:
    [resolve] = [boundary.agent for boundary in app.engine.boundaries.values() if boundary.agent.name == "resolve"]
    return {(topic.name, 0) for topic in resolve.inputs}


async def assigned(app: Any, mine: set[Place], generation: int, told_of: int | None = None) -> None:
    """Come to the end of a rebalance as Faust does."""
    app.consumer._thread.membership = lambda: Membership(generation, "m")
    app.consumer.assignment = lambda: {TP(*place) for place in mine}
    app.consumer_generation_id = generation if told_of is None else told_of
    app._fetcher.maybe_start = lambda: asyncio.sleep(0)
    app.consumer._thread.move = lambda *_: asyncio.sleep(0)
    await app.tables.recovery._resume_streams(app.consumer_generation_id)


def play(scenario: Any) -> None:
    async def played() -> None:
        await scenario()

    asyncio.run(played())


def rows() -> float:
    return float(metrics.STATE_ROWS._value.get())


def test_who_is_left_with_nothing_holds_no_rows_and_says_so() -> None:
    async def scenario() -> None:
        app = owner()
        await assigned(app, places(app), 1)
        assert (Counted.held, rows()) == (2.0, 2.0)
        app.engine._hot.put(0, "k", SimpleNamespace(), 1)
        await assigned(app, set(), 2)
        assert (Counted.held, rows(), len(app.engine.tables), len(app.engine._hot)) == (0, 0.0, 0, 0)
        await assigned(app, places(app), 3)
        assert (Counted.held, app.engine.membership) == (2, Membership(3, "m"))

    play(scenario)


def test_an_assignment_of_nothing_that_is_not_the_last_takes_nothing_away() -> None:
    # Another is on its way, and it may bring the same partitions back.
    async def scenario() -> None:
        app = owner()
        await assigned(app, places(app), 1)
        await assigned(app, set(), 3, told_of=2)
        assert Counted.held == 2

    play(scenario)


def test_who_stands_by_follows_what_it_gives_back_and_a_spare_worker_follows_everything() -> None:
    async def scenario() -> None:
        app = owner(standby=True)
        await assigned(app, set(), 1)  # it has never had a partition
        assert app.engine.ready() == ""  # more workers than partitions are no fault
        followed = app.engine._standby.places()
        assert {topic for topic, _ in followed} >= {"visitors", "leads.profiles"}
        everything = Counted.held
        await assigned(app, places(app), 2)
        assert len(app.engine._standby.places()) == len(followed) - 2
        await assigned(app, set(), 3)
        assert (app.engine._standby.places(), Counted.held) == (followed, everything)

    play(scenario)


def test_what_is_given_back_while_partitions_move_again_waits_for_the_next_assignment() -> None:
    async def scenario() -> None:
        app = owner()
        await assigned(app, places(app), 1)

        async def restore(*_: Any) -> Any:
            raise Interrupted

        app.engine.restore = restore
        with pytest.raises(Exception, match="move again"):
            await assigned(app, set(), 2)

    play(scenario)
