"""What stock Faust does with records and agents that raise, and why ours never gets there."""

import asyncio
from typing import Any

import pytest

from tests.unit.faust.memory import IN, Log, raw, running, stock, until


def test_a_record_that_cannot_be_decoded_is_committed_and_its_bytes_are_gone() -> None:
    # F7. Ours: Faust decodes nothing; bytes go to the boundary, which buries what it cannot read.
    async def scenario() -> None:
        log = Log()
        seen: list[Any] = []
        app = stock(log)

        @app.agent(app.topic("in", value_type=dict, value_serializer="json"))
        async def run(stream: Any) -> None:
            async for value in stream:
                seen.append(value)  # noqa: PERF401 - a stream has no end

        log.add(b"not json")
        async with running(app):
            await until(lambda: log.committed.get(IN) == 1)
        assert (seen, log.sent) == ([], [])

    asyncio.run(scenario())


def test_channels_of_raw_bytes_let_anything_through() -> None:
    # F7, the other side: our agents' channels are of this kind, so that nothing in Faust ever looks into a record.
    async def scenario() -> None:
        log = Log()
        seen: list[Any] = []
        app = stock(log)

        @app.agent(raw(app, "in"))
        async def run(stream: Any) -> None:
            async for event in stream.events():
                seen.append(event.value)  # noqa: PERF401 - a stream has no end

        anything = [b"", b"\xff\xfe", b"not json", b"\x00" * 9, None]
        log.add(*anything)
        async with running(app):
            await until(lambda: len(seen) == len(anything))
        assert seen == anything

    asyncio.run(scenario())


def test_an_agent_that_raises_faster_than_100_times_a_second_ends_the_process_be_it_only_twice() -> None:
    # F8: the bucket of restarts holds one. Ours: a step's exception ends as a dead letter, and restarts no agent.
    async def scenario() -> None:
        app = stock(Log())

        @app.agent(raw(app, "in"))
        async def run(stream: Any) -> None:
            async for _ in stream:
                pass

        supervisor: Any = run._new_supervisor()
        restarts = 0

        async def replacement(service: Any, _index: int) -> Any:
            nonlocal restarts
            restarts += 1
            return service

        supervisor.replacement, supervisor._services = replacement, [run]
        supervisor._index = {run: 0}
        with pytest.raises(SystemExit):  # noqa: PT012 - which of them it is, is the question
            for _ in range(1_000):
                await supervisor.restart_service(run)
        assert 1 <= restarts < 100

    asyncio.run(scenario())
