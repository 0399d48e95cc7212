"""A wait that lasts is told of, and ends: nothing holds up a group for ever."""

import asyncio
import logging
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from streams.engine.boundary import Batch, Slice
from streams.engine.config import Config
from streams.engine.host import Host
from streams.engine.offsets import Place
from streams.engine.patience import Patience, whole
from streams.engine.rounds import Membership, Round
from streams.engine.stacks import standing
from tests.pipeline import CODEC
from tests.worker import pipeline

PATIENT_S = 60.0


class Left(Exception):
    """The worker has ended itself."""


def leaves(why: str) -> NoReturn:
    raise Left(why)


def test_what_is_done_in_time_is_given_and_nothing_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        patience = Patience(gives_up=leaves)
        assert await patience.until(lambda: "a number", asyncio.sleep(0, 7), PATIENT_S) == 7
        assert patience.waits_for == ""

    asyncio.run(scenario())
    assert caplog.records == []


def test_a_wait_that_lasts_says_what_for_and_ends_the_worker(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        patience = Patience(say_s=0.01, gives_up=leaves)
        with pytest.raises(Left, match="its commit"):
            await patience.until(lambda: "its commit", asyncio.sleep(PATIENT_S), 0.05)

    with caplog.at_level(logging.WARNING):
        asyncio.run(scenario())
    assert [record.__dict__["why"] for record in caplog.records] == ["its commit"] * 5


def test_what_goes_wrong_meanwhile_is_raised() -> None:
    async def fails() -> None:
        raise OSError("gone")

    async def scenario() -> None:
        with pytest.raises(OSError, match="gone"):
            await Patience(gives_up=leaves).until(lambda: "", fails(), PATIENT_S)

    asyncio.run(scenario())


def test_who_is_cancelled_leaves_nothing_behind() -> None:
    async def scenario() -> None:
        lock, patience = asyncio.Lock(), Patience(gives_up=leaves)

        async def held() -> None:
            async with lock:
                await asyncio.sleep(PATIENT_S)

        waiting = asyncio.create_task(patience.until(lambda: "a lock", held(), PATIENT_S))
        await asyncio.sleep(0.01)
        assert (lock.locked(), patience.waits_for) == (True, "a lock")
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (lock.locked(), patience.waits_for) == (False, "")

    asyncio.run(scenario())


def test_what_another_thread_is_at_is_waited_for_though_we_are_cancelled() -> None:
    async def scenario() -> None:
        goes_on = threading.Event()
        waiting = asyncio.create_task(whole(asyncio.to_thread(goes_on.wait, PATIENT_S)))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.sleep(0.01)
        assert not waiting.done()
        goes_on.set()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(scenario())


class Silent:
    """A producer whose broker never answers one call."""

    def __init__(self, never: str) -> None:
        self.never, self.goes_on = never, threading.Event()

    def __getattr__(self, name: str) -> Callable[..., None]:
        def call(*_: Any, **__: Any) -> None:
            if name == self.never:
                self.goes_on.wait(PATIENT_S)

        return call


@pytest.mark.parametrize(
    ("never", "told"),
    [
        ("commit_transaction", "its commit"),
        ("send_offsets_to_transaction", "its commit"),
        ("abort_transaction", "its abort"),
    ],
)
def test_a_revocation_waits_for_a_broker_that_never_answers_no_longer_than_the_group_waits_for_us(
    never: str, told: str
) -> None:
    async def scenario() -> None:
        config = Config({"bootstrap.servers": "127.0.0.1:1", "log_level": 0}, rebalance_s=0.2)
        host = Host(config, pipeline(), CODEC)
        host.patience = Patience(say_s=0.05, gives_up=leaves)
        silent: Any = Silent(never)
        host._outbox._producer = silent
        new = Round(Membership(1, "m"), [Batch("resolve", (Slice("events.web", 0, [SimpleNamespace(offset=0)]),))])

        def deliver(_: Batch) -> None:
            if never != "abort_transaction":  # else its agents are still at it when the partitions go
                new.folded.set()

        host.tables["resolve", 0] = ()
        host.rounds.open_with(new)
        running = asyncio.create_task(host.run(new, deliver))
        await asyncio.sleep(0.05)
        with pytest.raises(Left, match=told):
            await host.release()
        silent.goes_on.set()
        await running

    asyncio.run(scenario())


def test_a_restore_that_nobody_wants_any_more_is_waited_for_and_says_what_it_is_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, goes_on = threading.Event(), threading.Event()

    def silent(*_: Any) -> dict[Place, int]:
        begun.set()
        goes_on.wait(PATIENT_S)
        return {}

    monkeypatch.setattr("streams.engine.offsets.committed", silent)

    async def scenario() -> None:
        host = Host(Config({"bootstrap.servers": "127.0.0.1:1", "log_level": 0}), pipeline(), CODEC)
        host.patience = Patience(gives_up=leaves)
        mine = {(topic.name, 0) for topic in host.boundaries["resolve"].agent.inputs}
        restoring = asyncio.create_task(host.restore(mine, Membership(1, "m")))
        await asyncio.to_thread(begun.wait, PATIENT_S)
        await host.release()  # partitions move, and Faust lets go of the restore
        restoring.cancel()
        await asyncio.sleep(0.01)
        assert host.waits_for == "a restore that asks where to read on, to stop"
        assert not restoring.done()
        goes_on.set()  # it asks the broker, who is not there, nothing any more
        with pytest.raises(asyncio.CancelledError):
            await restoring
        assert host.waits_for == "its first partitions"

    asyncio.run(scenario())


def test_a_worker_that_stands_still_tells_where() -> None:
    async def scenario() -> None:
        async def stands_here() -> None:
            await asyncio.Event().wait()

        task = asyncio.create_task(stands_here(), name="waits")
        await asyncio.sleep(0)
        told = dict(standing([asyncio.get_running_loop()]))
        inner, outer = told["task waits"].split(" < ")
        assert (outer.split()[1], inner.split()[1]) == ("stands_here", "wait")
        assert any("scenario" in at for name, at in told.items() if name.startswith("thread"))
        task.cancel()

    asyncio.run(scenario())
