"""What is done to aiokafka's consumer is done in the thread it lives in: its futures wake nobody else's loop."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import IllegalStateError, KafkaConnectionError
from faust.types import TP

from streams.engine import app as engine_app
from streams.engine.boundary import Batch, Slice
from streams.engine.config import Config
from streams.engine.rounds import Membership, Round
from tests.pipeline import CODEC
from tests.worker import pipeline

ME, IN = Membership(3, "m"), TP("events.web", 0)


class Consumer:
    """Stands for aiokafka's consumer: it notes who seeks, and where."""

    def __init__(self, lonely: bool) -> None:
        self.lonely, self.stopped = lonely, False
        known = {"generation": ME.generation, "member_id": ME.member, "_closing": None}
        task = asyncio.get_running_loop().create_future()
        self._coordinator = SimpleNamespace(**known, _coordination_task=task, _push_error_to_user=None)
        self.sought: list[tuple[TP, int]] = []
        self.threads: set[int] = set()

    async def start(self) -> None:
        """Connect to nothing."""
        if self.lonely:
            raise KafkaConnectionError("Unable to bootstrap")

    async def stop(self) -> None:
        """Connect to nothing."""
        self.stopped = True

    def assignment(self) -> set[TP]:
        return {IN}

    def seek(self, partition: TP, offset: int) -> None:
        self.sought.append((partition, offset))
        self.threads.add(threading.get_ident())


def started(play: Callable[[Any, Consumer], Awaitable[None]], lonely: int = 0) -> list[Consumer]:
    """Play with our consumer, its thread started around a consumer of aiokafka's that only notes; return all made.

    So many of these first find no broker.
    """
    made: list[Consumer] = []

    async def scenario() -> None:
        app: Any = engine_app.build(pipeline(), Config({"bootstrap.servers": "127.0.0.1:1", "log_level": 0}), CODEC)
        consumer, thread = app.consumer, app.consumer._thread

        def create(loop: Any) -> Consumer:  # noqa: ARG001 - Faust's
            made.append(Consumer(lonely=len(made) < lonely))
            return made[-1]

        thread._create_consumer = create
        await thread.start()
        consumer.resume_flow()
        app.consumer_generation_id = ME.generation
        try:
            await play(consumer, made[-1])
            assert made[-1].threads <= {thread._thread.ident}, "sought from another thread than its own"
        finally:
            await thread.stop()

    asyncio.run(scenario())
    return made


def test_a_consumer_that_finds_no_broker_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(_consumer: Any, made: Consumer) -> None:
        assert not made.lonely

    monkeypatch.setattr("streams.engine.transport.AGAIN_S", 0.001)
    *lonely, last = started(play, lonely=2)
    assert (len(lonely), [it.stopped for it in lonely], last.lonely) == (2, [True, True], False)


def test_positions_after_a_restore_are_set_in_the_consumers_own_thread() -> None:
    async def play(consumer: Any, made: Consumer) -> None:
        async def restore(assigned: set[tuple[str, int]], _membership: Membership) -> dict[tuple[str, int], int]:
            return dict.fromkeys(assigned, 5)

        consumer.host.restore = restore
        await consumer.perform_seek()
        assert made.sought == [(IN, 5)]

    started(play)


def undone() -> Round:
    return Round(ME, [Batch("resolve", (Slice(*IN, [SimpleNamespace(offset=7), SimpleNamespace(offset=8)]),))])


def test_a_round_that_was_undone_is_gone_back_from_in_the_consumers_own_thread() -> None:
    async def play(consumer: Any, made: Consumer) -> None:
        async def run(_round: Round, _deliver: object) -> bool:
            return False

        consumer.host.run = run
        await consumer._run(undone())
        assert made.sought == [(IN, 7)]

    started(play)


def test_what_was_left_for_later_rounds_is_gone_back_to_as_well() -> None:
    async def play(consumer: Any, made: Consumer) -> None:
        async def run(_round: Round, _deliver: object) -> bool:
            return False

        consumer.host.run = run
        consumer._left = {tp: [SimpleNamespace(offset=9)] for tp in (TP(*IN), TP("labels", 0))}
        await consumer._run(undone())
        assert sorted(made.sought) == [(IN, 7), (("labels", 0), 9)]
        assert consumer._left == {}

    started(play)


def test_of_what_there_is_enough_for_the_next_round_no_more_is_taken() -> None:
    async def play(consumer: Any, _made: Consumer) -> None:
        consumer._enough = {TP(*IN)}
        assert await consumer._getmany({TP(*IN)}, 0.0) == {}  # asked of no partition, the fetcher would take from all

    started(play)


def test_a_round_that_a_rebalance_undid_is_not_gone_back_from() -> None:
    # What the rebalance restored says where to read: the round's offsets may be another's by now.
    async def play(consumer: Any, made: Consumer) -> None:
        async def run(_round: Round, _deliver: object) -> bool:
            consumer.stop_flow()
            consumer.resume_flow()
            return False

        consumer.host.run = run
        await consumer._run(undone())
        assert made.sought == []

    started(play)


def test_who_is_somebody_else_by_the_time_its_thread_is_reached_sets_nothing() -> None:
    async def play(consumer: Any, made: Consumer) -> None:
        made._coordinator.generation = 4
        with pytest.raises(IllegalStateError):
            await consumer._thread.move({IN: 5}, ME)
        assert made.sought == []

    started(play)


def test_what_the_coordinator_meets_is_heard_from_the_start() -> None:
    async def play(_consumer: Any, made: Consumer) -> None:
        assert made._coordinator._push_error_to_user is not None

    started(play)
