"""A lane at work, with a sink that the test holds in its hands."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from connectors import deadletters, kafka, relay
from connectors.deadletters import Wanted
from connectors.destinations import Destination
from connectors.egress.guard import Guard
from connectors.lane import Lane
from connectors.settings import Connection, RelaySettings
from connectors.sinks import memory
from connectors.sinks.delivery import Sink
from schemas.codec import Codec
from schemas.records import DeadLetter
from schemas.registry import FileRegistry
from schemas.topics import LEADS_ROUTED
from streams.runtime.handle import BrokerHandle
from tests.wires import at_the_end, connected, eventually

QUICK = (0.02,) * 50


@pytest.fixture
def environ(broker: BrokerHandle) -> dict[str, str]:
    """Settings of a relay for the broker at hand."""
    return connected(broker) | {"LEADSTREAM_SINK": "memory"}


@pytest.fixture
def group(environ: dict[str, str], topic_prefix: str) -> str:
    """A destination's group that has dealt with all there is."""
    return at_the_end(environ, f"{topic_prefix}relay", LEADS_ROUTED)


@contextmanager
def relaying(
    environ: dict[str, str],
    group: str,
    sink: Sink | Callable[[], Sink],
    schedule: tuple[float, ...] = QUICK,
    near_s: float = 30.0,
    *,
    takes: tuple[str, ...] = (),
    erases: bool = True,
) -> Iterator[Lane]:
    """A lane at work on a thread; it has stopped in good order when the block ends."""
    running: list[tuple[asyncio.AbstractEventLoop, Lane]] = []
    settings = RelaySettings.read(environ)
    name = named(group)
    destination = Destination(name, "memory", memory.Options(), Guard(), takes, erases, schedule, group)
    kafka.ensure(settings, [destination.retry])

    async def main() -> None:
        made = sink() if callable(sink) else sink
        one = relay.lane(settings, destination, Codec(FileRegistry()), sink=made, near_s=near_s)
        running.append((asyncio.get_running_loop(), one))
        await one.run()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    eventually(lambda: running)
    loop, one = running[0]
    try:
        yield one
    finally:
        if thread.is_alive():
            loop.call_soon_threadsafe(one.stop)
        thread.join(30)
        assert not thread.is_alive()


def named(group: str) -> str:
    """The destination's name, from its group's."""
    return group.replace(".", "-")


def buried(environ: dict[str, str], *lead_ids: str) -> list[DeadLetter]:
    """The dead letters of these leads."""
    letters = [letter for letter in deadletters.read(Connection.read(environ), Wanted()) if letter.stage == "relay"]
    return [letter for letter in letters if deadletters.original(letter)[0].decode() in lead_ids]
