"""What `streams.engine` takes over from Faust and reaches for inside it: all of it is there, and shaped as we assume.

Hazards of stock Faust that cannot touch us, and so have no test here: F12, F13, F14, F15, F16, F18, F19, F24 (tables
and their RocksDB: we have none, held below), F23 (at-least-once knows no fencing: ours is the broker's), F25 (a full
disk: our own store, `test_stores.py`), F21 (hangs without a cause: the watchdog), F28 and F31 (its tracing and metrics:
we have our own).
"""

import ast
import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import IllegalStateError
from faust.transport.consumer import ThreadDelegateConsumer
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.engine import app as engine_app
from streams.engine import transport
from streams.engine.config import Config
from tests.pipeline import CODEC
from tests.unit.faust.memory import Log, running, until
from tests.unit.faust.ours import on_a_log
from tests.worker import pipeline

OURS = (transport.BatchConsumer, transport.BatchConsumerThread, transport.Transport, engine_app.App)
ADDED = {  # what we add to their classes: were one of these names theirs, we would hide it
    transport.BatchConsumer: {
        "host",
        "positions",
        "_gather",
        "_run",
        "_deliver",
        "_backoff_s",
        "_polling",
        "_taken",
        "_moves",
        "_left",
        "_enough",
        "_portion",
        "_void",
        "_set",
        "_restore",
        "give_back",
        "astray",
    },
    transport.BatchConsumerThread: {"membership", "positions", "bound", "move", "_move"},
    transport.Transport: set(),
    engine_app.App: {"engine", "sight", "stands_still"},
}
EVERYWHERE = {"__module__", "__doc__", "__annotations__", "__init__", "__static_attributes__", "__firstlineno__"}
MADE_BY_MODE = {"_tasks", "abstract", "logger"}


def config() -> Config:
    """A worker's engine, told nothing special."""
    return Config({"bootstrap.servers": "127.0.0.1:1", "log_level": 0})


def look(at: Callable[[Any], Awaitable[None]]) -> None:
    """Look at our app, nothing connected."""

    async def scenario() -> None:
        app: Any = engine_app.build(pipeline(), config(), CODEC)
        try:
            await at(app)
        finally:
            app.consumer._thread.thread_loop.close()

    asyncio.run(scenario())


def overrides() -> Iterator[Any]:
    """Yield each of our methods and attributes that is in the place of one of theirs."""
    for ours in OURS:
        for name in vars(ours):
            if name not in EVERYWHERE | MADE_BY_MODE | ADDED[ours]:
                yield pytest.param(ours, name, id=f"{ours.__name__}.{name}")


@pytest.mark.parametrize(("ours", "name"), list(overrides()))
def test_what_we_replace_is_there_and_is_called_as_ours_can_be(ours: Any, name: str) -> None:
    theirs = getattr(ours.__mro__[1], name)
    mine = inspect.getattr_static(ours, name)
    if inspect.isclass(theirs) or not callable(getattr(theirs, "fun", theirs)):
        return
    theirs, mine = getattr(theirs, "fun", theirs), getattr(mine, "fun", mine)
    assert inspect.iscoroutinefunction(mine) == inspect.iscoroutinefunction(theirs)
    assert list(inspect.signature(mine).parameters) == list(inspect.signature(theirs).parameters)


@pytest.mark.parametrize("ours", OURS, ids=lambda ours: ours.__name__)
def test_what_we_add_hides_nothing_of_theirs(ours: Any) -> None:
    hidden = {name for name in ADDED[ours] if hasattr(ours.__mro__[1], name)}
    assert not hidden


def test_all_that_our_classes_reach_for_in_themselves_exists() -> None:
    async def at(app: Any) -> None:
        instances = {type(thing).__name__: thing for thing in (app, app.consumer, app.consumer._thread)}
        instances["App"] = app
        reached = 0
        for module in (transport, engine_app):
            for body in ast.parse(inspect.getsource(module)).body:
                if isinstance(body, ast.ClassDef) and body.name in instances:
                    for name in _own_names(body):
                        assert hasattr(instances[body.name], name), f"{body.name}.{name}"
                        reached += 1
        assert reached > 20

    look(at)


def _own_names(body: ast.ClassDef) -> Iterator[str]:
    """Yield every `name` that is read as `self.name` and nowhere set."""
    nodes = [node for node in ast.walk(body) if isinstance(node, ast.Attribute)]
    own = [node for node in nodes if isinstance(node.value, ast.Name) and node.value.id == "self"]
    set_here = {node.attr for node in own if isinstance(node.ctx, ast.Store)}
    yield from (node.attr for node in own if node.attr not in set_here)


def test_what_we_reach_for_in_the_app_exists() -> None:
    async def at(app: Any) -> None:
        for name in ("rebalancing", "crashed", "crash_reason", "should_stop", "assignor", "consumer_generation_id"):
            assert hasattr(app, name), name
        assert app._consumer is None  # `sight` looks before there is one
        assert app.consumer is app._consumer
        assert isinstance(app.topics._tp_index, dict)

    look(at)


def test_faust_makes_our_consumer_and_thread_for_our_scheme() -> None:
    async def at(app: Any) -> None:
        consumer = app.consumer
        assert type(consumer) is transport.BatchConsumer
        assert type(consumer._thread) is transport.BatchConsumerThread
        assert consumer.callback is not None

    look(at)


def test_our_app_has_no_tables_so_that_recovery_is_a_seek_and_nothing_else() -> None:
    # F12 to F19, F24.
    async def at(app: Any) -> None:
        assert (len(app.tables), app.tables.changelog_topics) == (0, set())

    look(at)


def test_our_agents_take_raw_bytes_count_no_acks_and_yield_nothing() -> None:
    # F1, F7, F29, F30.
    async def at(app: Any) -> None:
        agents = list(app.agents.values())
        assert [agent.name for agent in agents] == [agent.name for agent in pipeline()]
        for agent in agents:
            channel = agent.channel
            assert (channel.key_type, channel.value_type, channel.acks) == (bytes, bytes, False)
            assert (channel.key_serializer, channel.value_serializer) == ("raw", "raw")
            assert inspect.iscoroutinefunction(agent.fun)

    look(at)


def test_our_consumer_commits_nothing_and_counts_no_acks() -> None:
    # F1 to F5, F10, F22.
    async def at(app: Any) -> None:
        consumer = app.consumer
        consumer.force_commit = consumer._commit = None  # it would raise
        assert await consumer.commit() is False
        assert consumer.ack(SimpleNamespace()) is True
        assert consumer._n_acked == 0
        await consumer._commit_handler.fun(consumer)
        await consumer._commit_livelock_detector.fun(consumer)

    look(at)


def test_a_poll_becomes_one_event_that_begins_where_the_restore_said() -> None:
    # `_drain_messages`, `_wait_next_records`, `_tp_index`, `perform_seek`, `queue.put_nowait`, in Faust's own order.
    async def scenario() -> None:
        log = Log()
        app = on_a_log(log)
        log.add(b"a", b"b", b"c", b"d")
        async with running(app):
            await until(lambda: app.engine.delivered)
            assert app.engine.delivered == [(2, 3)]
            assert [len(batch.slices) for batch in app.seen] == [1]
        app.folding.cancel()
        assert app.engine.released >= 1  # before the partitions went
        assert log.committed == {}

    asyncio.run(scenario())


def test_a_round_that_was_undone_is_read_again_from_its_beginning() -> None:
    async def scenario() -> None:
        log = Log()
        app = on_a_log(log)
        app.engine.undo = 2
        log.add(b"a", b"b", b"c", b"d")
        async with running(app):
            await until(lambda: app.engine.delivered)
            assert app.engine.delivered == [(2, 3)]
            assert len(app.seen) == 3
        app.folding.cancel()

    asyncio.run(scenario())


def test_a_restore_that_was_interrupted_tells_faust_to_wait_for_the_next_assignment() -> None:
    async def scenario() -> None:
        log = Log()
        app = on_a_log(log)
        app.engine.interrupt = True
        with pytest.raises(IllegalStateError):
            await app.consumer.perform_seek()
        app.folding.cancel()

    asyncio.run(scenario())


def test_the_flow_and_the_way_into_the_thread_are_what_our_consumer_still_uses() -> None:
    # The rest of Faust's consumer that ours calls and does not replace.
    for name in ("stop_flow", "assignment", "_wait_next_records", "_getmany"):
        assert callable(getattr(ThreadDelegateConsumer, name)), name
    assert list(inspect.signature(driver.AIOKafkaConsumerThread.call_thread).parameters)[:2] == ["self", "fun"]
    assert TP("t", 1) == ("t", 1)
