"""Acks and commits of stock Faust: what it takes for done, and what it commits past.

None of it is ours: a batch is done when its transaction has committed, acks count nothing (`BatchConsumer.ack`), and
Faust commits nothing (`BatchConsumer.commit`); `test_overrides.py` holds that.
"""

import asyncio
from typing import Any

import pytest
from faust import streams as faust_streams

from tests.unit.faust.memory import IN, Log, message, raw, running, stock, until


@pytest.fixture(params=["compiled", "python"])
def _iterator(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both iterators of a stream: the compiled one, which is the default, and its twin (F32)."""
    assert vars(faust_streams)["_CStreamIterator"] is not None
    if request.param == "python":
        monkeypatch.setattr(faust_streams, "_CStreamIterator", None)


@pytest.mark.usefixtures("_iterator")
def test_an_event_whose_handler_raised_is_committed() -> None:
    # F1. Ours: nothing of an agent raises past the boundary.
    async def scenario() -> None:
        log, seen = Log(), []
        app = stock(log)

        @app.agent(raw(app, "in"))
        async def run(stream: Any) -> None:
            async for value in stream:
                if value == b"bad":
                    raise ValueError(value)
                seen.append(value)

        log.add(b"good", b"bad", b"good")
        async with running(app):
            await until(lambda: log.committed.get(IN) == 3)
        assert seen == [b"good", b"good"]

    asyncio.run(scenario())


@pytest.mark.usefixtures("_iterator")
def test_an_event_in_work_is_committed_when_the_app_crashes() -> None:
    # F1, F10. Ours: a worker that must not go on leaves through `os._exit`, committing nothing.
    async def scenario() -> None:
        log, begun, never = Log(), asyncio.Event(), asyncio.Event()
        app = stock(log)

        @app.agent(raw(app, "in"))
        async def run(stream: Any) -> None:
            async for _ in stream:
                begun.set()
                await never.wait()

        log.add(b"half done")
        async with running(app):
            await asyncio.wait_for(begun.wait(), 5)
            assert log.committed == {}
            await app.crash(RuntimeError("disk full"))
            for actor in run._actors:
                actor.actor_task.cancel()  # as stopping agents does
        assert log.committed == {IN: 1}

    asyncio.run(scenario())


def test_take_commits_a_batch_whose_handler_raised() -> None:
    # F2. Ours: `take` is not used; the engine makes its own batches.
    async def scenario() -> None:
        log = Log()
        app = stock(log)

        @app.agent(raw(app, "in"))
        async def run(stream: Any) -> None:
            async for batch in stream.take(2, within=5):
                raise ValueError(batch)

        log.add(b"a", b"b")
        async with running(app):
            await until(lambda: log.committed.get(IN) == 2)

    asyncio.run(scenario())


def committable(acked: list[int], committed: int | None) -> int | None:
    """Return the offset that Faust would commit."""

    async def ask() -> int | None:
        app = stock(Log())
        app.topics._acking_topics.add("in")
        app.consumer._committed_offset[IN] = committed
        for offset in acked:
            assert app.consumer.ack(message(app, offset))
        found: int | None = app.consumer._new_offset(IN)
        return found

    return asyncio.run(ask())


def test_a_commit_passes_over_one_event_that_is_still_in_work() -> None:
    # F3, F3b. Ours: one round is open at a time, and commits all of it or nothing.
    assert committable([11, 12], committed=10) == 13


def test_a_first_commit_passes_over_any_gap() -> None:
    # F3. Ours: as above; a partition without a commit is read from its beginning.
    assert committable([7, 8], committed=None) == 9


def test_a_longer_gap_at_the_head_keeps_all_that_follows_from_being_committed() -> None:
    # F22. Ours: offsets come from the round's own slices; the watchdog ends a worker whose commits stand still.
    assert committable([12, 13, 14], committed=10) is None


def test_a_commit_ends_before_a_gap() -> None:
    # What F3 is the exception of: were this to change, so would the two above.
    assert committable([10, 11, 14, 15], committed=10) == 12
