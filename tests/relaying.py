"""A lane at work, with a sink that the test holds in its hands."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connectors import kafka, relay
from connectors.destinations import Destination
from connectors.egress import Guard
from connectors.lane import Lane
from connectors.settings import RelaySettings
from connectors.sinks import memory
from connectors.sinks.delivery import Sink
from schemas.codec import Codec
from schemas.registry import FileRegistry
from tests.wires import eventually

QUICK = (0.02,) * 50


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
        producer = kafka.producer(settings, timeout_s=30.0)
        one = relay.lane(settings, destination, Codec(FileRegistry()), producer, sink=made, near_s=near_s)
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
