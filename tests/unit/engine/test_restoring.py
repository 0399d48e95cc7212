"""A restore that nobody wants any more says so, however little it had to do."""

import asyncio
import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from schemas.records import Visitor
from schemas.topics import Topic
from streams.engine.config import Config
from streams.engine.host import Host
from streams.engine.offsets import Interrupted, Place
from streams.engine.restore import Bounds, restore
from streams.engine.rounds import Membership
from streams.engine.store import MemoryStore
from streams.engine.table import Table
from tests.pipeline import CODEC

NOBODY, ME = Membership(-1, ""), Membership(1, "m")


class Told(Host):
    """A host whose restores read nothing; what they meet is told."""

    def __init__(self) -> None:
        super().__init__(Config({"bootstrap.servers": "127.0.0.1:1", "log_level": 0}), (), CODEC)
        self.restores = self.owned = 0
        self.begun, self.goes_on = threading.Event(), threading.Event()
        self.answer: Callable[[], None] = lambda: None

    def _restore(self, assigned: set[Place], tables: Any, wanted: Any) -> tuple[dict[Place, int], int]:  # noqa: ARG002
        self.restores += 1
        self.begun.set()
        self.goes_on.wait(60)
        self.answer()
        return dict.fromkeys(assigned, 5), 0

    def _own(self, assigned: set[Place]) -> None:
        self.owned += 1
        super()._own(assigned)

    async def begin(self) -> "asyncio.Task[dict[Place, int]]":
        restoring = asyncio.create_task(self.restore({("in", 0)}, ME))
        await asyncio.get_running_loop().run_in_executor(None, self.begun.wait, 60)
        return restoring


def play(scenario: Callable[[Told], Any]) -> None:
    asyncio.run(scenario(Told()))


def test_a_restore_makes_us_who_it_was_done_as() -> None:
    async def scenario(host: Told) -> None:
        host.goes_on.set()
        assert await (await host.begin()) == {("in", 0): 5}
        assert host.membership == ME

    play(scenario)


def test_a_restore_during_which_partitions_move_again_does_not_count_though_there_was_nothing_to_read() -> None:
    async def scenario(host: Told) -> None:
        restoring = await host.begin()
        await host.release()
        host.goes_on.set()
        with pytest.raises(Interrupted):
            await restoring
        assert host.membership == NOBODY

    play(scenario)


def test_a_broker_that_does_not_answer_is_not_asked_on_for_partitions_that_have_moved() -> None:
    async def scenario(host: Told) -> None:
        def fails() -> None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))

        host.answer = fails
        restoring = await host.begin()
        await host.release()
        host.goes_on.set()
        with pytest.raises(Interrupted):
            await asyncio.wait_for(restoring, 60)
        assert host.restores == 1

    play(scenario)


def test_asyncio_has_nothing_to_complain_of_when_a_restore_that_nobody_waits_for_fails() -> None:
    async def scenario(host: Told) -> None:
        def fails() -> None:
            raise Interrupted

        complaints: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, complaint: complaints.append(complaint))
        host.answer = fails
        restoring = await host.begin()
        restoring.cancel()
        await asyncio.sleep(0)
        host.goes_on.set()
        with pytest.raises(asyncio.CancelledError):
            await restoring
        del restoring
        gc.collect()
        await asyncio.sleep(0)
        assert complaints == []

    play(scenario)


def test_who_waits_for_another_restore_and_is_overtaken_touches_nothing() -> None:
    async def scenario(host: Told) -> None:
        first = await host.begin()
        second = asyncio.create_task(host.restore({("in", 0)}, ME))
        await asyncio.sleep(0)
        await host.release()
        host.goes_on.set()
        for restoring in (first, second):
            with pytest.raises(Interrupted):
                await restoring
        assert (host.owned, host.restores) == (1, 1)

    play(scenario)


def test_a_restore_that_is_overtaken_while_it_asks_how_far_changelogs_go_touches_no_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    topic = Topic("visitors", (Visitor,), "visitor id", compacted=True)
    table = Table(topic, 0, MemoryStore(), CODEC)
    table.store.apply({b"k": b"v"}, 5)
    found = {("visitors", 0): Bounds("another log", 0, 9)}
    monkeypatch.setattr("streams.engine.restore.bounds", lambda *_: found)
    with pytest.raises(Interrupted):
        restore({}, [table], lambda: False, lambda: None, 0.0)
    assert (table.store.position, table.store.get(b"k")) == (5, b"v")
