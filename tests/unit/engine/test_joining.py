"""What aiokafka's coordinator meets while nobody polls does not leave the worker out of its group."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import KafkaError

from streams.engine.joining import hear
from tests.unit.faust.test_aiokafka import coordinator

SOON_S = 0.01
UNEXPECTED = 27  # an answer to a join that it does not know


def ignored(_why: str) -> None:
    pass


def test_a_join_that_is_answered_oddly_is_tried_again_though_nobody_polls() -> None:
    async def then(made: GroupCoordinator) -> None:
        joins: list[Any] = []

        async def send(request: Any) -> Any:
            joins.append(request)
            return SimpleNamespace(error_code=UNEXPECTED)

        made._coordination_task.cancel()  # it would fail for want of a broker
        made.coordinator_id, made._send_req = 1, send
        made._coordinator_dead_fut = asyncio.get_running_loop().create_future()
        made._coordination_task = asyncio.create_task(made._coordination_routine())
        hear(made, ignored, SOON_S)
        async with asyncio.timeout(60):
            while len(joins) < 3:  # noqa: ASYNC110 - what is waited for sets no event
                await asyncio.sleep(SOON_S)

    coordinator(300.0, then)


@pytest.mark.parametrize("beating", [True, False], ids=["heartbeats go on", "heartbeats have ended"])
def test_only_who_is_out_of_the_group_joins_it_again(beating: bool) -> None:
    # Offsets that cannot be fetched, say, are no reason to move everybody's partitions.
    async def then(made: GroupCoordinator) -> None:
        hear(made, ignored, SOON_S)
        made._rejoin_needed_fut = asyncio.get_running_loop().create_future()
        made._heartbeat_task = asyncio.create_task(asyncio.sleep(60.0 if beating else 0.0))
        await asyncio.sleep(SOON_S)
        await made._push_error_to_user(KafkaError("answered oddly"))
        assert made._rejoin_needed_fut.done() is not beating
        made._heartbeat_task.cancel()

    coordinator(300.0, then)


@pytest.mark.parametrize(("ends", "gone"), [(RuntimeError("a fault of its own"), 1), (None, 0)])
def test_a_coordinator_that_gives_up_ends_the_worker_and_one_that_is_closed_does_not(
    ends: Exception | None, gone: int
) -> None:
    async def then(made: GroupCoordinator) -> None:
        async def routine() -> None:
            if ends is not None:
                raise ends

        made._coordination_task.cancel()
        made._coordination_task = asyncio.create_task(routine())
        told: list[str] = []
        hear(made, told.append)
        await asyncio.wait([made._coordination_task])
        await asyncio.sleep(0)
        assert len(told) == gone

    coordinator(300.0, then)
