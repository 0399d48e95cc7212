"""What we lean on, and step around, where aiokafka's coordinator meets Faust: generations, and errors nobody hears."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance, GroupCoordinator
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition
from faust.transport.drivers import aiokafka as driver

from tests.unit.faust.memory import Log, stock
from tests.unit.faust.test_aiokafka import coordinator

PLACE = TopicPartition("in", 0)


def test_faust_is_told_the_generation_of_an_assignment_before_it_is_told_the_assignment() -> None:
    # What `BatchConsumer.perform_seek` compares with who we are: state is restored for no other assignment.
    async def scenario() -> None:
        app = stock(Log())
        heard: list[tuple[int, int]] = []

        async def assigned(_partitions: Any, generation: int) -> None:
            heard.append((app.consumer_generation_id, generation))

        known = SimpleNamespace(_coordinator=SimpleNamespace(generation=7))
        thread: Any = SimpleNamespace(app=app, _ensure_consumer=lambda: known, on_partitions_assigned=assigned)
        await driver.ConsumerRebalanceListener(thread).on_partitions_assigned([PLACE])
        assert heard == [(7, 7)]

    asyncio.run(scenario())


def test_the_coordinator_is_of_the_next_generation_before_it_knows_what_that_brings() -> None:
    # Who looked at the assignment and at the generation in between would take the one for the other's.
    async def then(made: GroupCoordinator) -> None:
        made.generation, made.coordinator_id = 7, 1
        seen: list[int] = []
        joined = SimpleNamespace(
            error_code=0, member_id="m", generation_id=8, group_protocol="p", leader_id="another", members=[]
        )

        async def send(_request: Any) -> Any:
            return joined

        async def follow() -> None:
            seen.append(made.generation)

        made._send_req = send
        subscription = made._subscription.subscription
        rebalance = CoordinatorGroupRebalance(made, "g", 1, subscription, made._assignors, 10_000, 1)
        rebalance._on_join_follower = follow
        assert await rebalance.perform_group_join() is None
        assert seen == [8]

    coordinator(300.0, then)


def test_what_the_coordinator_meets_is_told_to_those_who_ask_it_and_faust_does_not() -> None:
    # F21. It waits for ever for somebody to hear of it. Ours: `joining.hear`, and the watchdog.
    async def then(made: GroupCoordinator) -> None:
        made._coordination_task.cancel()  # it would fail for want of a broker
        made._coordination_task = asyncio.get_running_loop().create_future()
        made._subscription.register_fetch_waiters(set())  # its fetcher does
        waiting = asyncio.ensure_future(made._push_error_to_user(KafkaError("unexpected")))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        with pytest.raises(KafkaError):
            made.check_errors()
        await asyncio.wait_for(waiting, 5)

    coordinator(300.0, then)
    assert "check_errors" not in driver.AIOKafkaConsumerThread._fetch_records.__code__.co_names


def test_an_assignment_of_nothing_brings_no_seek() -> None:
    # Why `BatchConsumer.give_back` hangs on the signal that comes before it, and not on the seek.
    async def scenario() -> None:
        app = stock(Log())
        sought: list[int] = []

        async def seek() -> None:
            sought.append(1)

        told: list[set[Any]] = []

        @app.on_rebalance_complete.connect
        async def complete(*_: Any, **__: Any) -> None:
            told.append(app.consumer.assignment())

        app.consumer.perform_seek = seek
        app.consumer.assignment = set
        recovery = app.tables.recovery
        app._fetcher.maybe_start = lambda: asyncio.sleep(0)
        await recovery._resume_streams(app.consumer_generation_id)
        assert (sought, told, app.consumer.flow_active) == ([], [set()], True)

    asyncio.run(scenario())
