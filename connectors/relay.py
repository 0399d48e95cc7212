"""The relay: hands decisions to every destination, each in a lane of its own, and does what people tell it meanwhile.

Nothing is shared between lanes but the process: a destination that does not answer, refuses everything, or crashes its
lane costs the others nothing.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Iterable
from functools import partial

from confluent_kafka import KafkaException

from connectors import kafka, metrics
from connectors.controls import Follower, State, Told, tell
from connectors.destinations import Destination, destinations
from connectors.foresight import erasures
from connectors.lane import NEAR_S, Lane
from connectors.outgoing import Outgoing
from connectors.reader import Reader
from connectors.settings import Connection, RelaySettings
from connectors.sinks.delivery import Sink
from connectors.tracing import Tracing, open_tracing
from schemas.codec import Codec
from schemas.registry import open_registry

__all__ = ["Relay", "lane", "run"]

log = logging.getLogger(__name__)
AGAIN_S = 5.0


class Relay:
    """One member of each destination's group."""

    def __init__(self, settings: Connection, found: Iterable[Destination], near_s: float = NEAR_S) -> None:
        self._settings, self._destinations, self._near_s = settings, tuple(found), near_s
        self._codec = Codec(open_registry(settings.schema_registry_url or None))
        self._tracing = open_tracing("relay", settings)
        self._lanes: dict[str, Lane] = {}
        self._states: dict[str, State] = {}
        self._stop = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._follower = Follower(settings, self._heard)

    async def run(self) -> None:
        """Deliver until `stop`. Raises `BrokerUnreachable` when it cannot begin."""
        await asyncio.to_thread(kafka.ensure, self._settings, [one.retry for one in self._destinations])
        await asyncio.to_thread(self._follower.catch_up)
        following = asyncio.create_task(asyncio.to_thread(self._follower.run))
        try:
            async with asyncio.TaskGroup() as tasks:
                for destination in self._destinations:
                    tasks.create_task(self._keep(destination))
        finally:
            self._follower.stop()
            await following
            if self._tracing is not None:
                await asyncio.to_thread(self._tracing.close)

    def stop(self) -> None:
        """End `run` soon; to be called on its loop."""
        self._stop.set()
        for one in self._lanes.values():
            one.stop()

    async def _keep(self, destination: Destination) -> None:
        """Run a lane, and a new one when it breaks."""
        while not self._stop.is_set():
            one = lane(self._settings, destination, self._codec, near_s=self._near_s, tracing=self._tracing)
            self._lanes[destination.name] = one
            one.pause(self._states.get(destination.name, State.RUNNING) is not State.RUNNING)
            one.disabled = lambda: self._disable(destination)
            try:
                await one.run()
            except* KafkaException as errors:
                if len(self._destinations) == 1:
                    raise
                broken = {"destination": destination.name, "error": errors.exceptions[0]}
                log.warning("a lane broke and is made anew", extra=broken)
                await asyncio.sleep(AGAIN_S)

    def _heard(self, told: Told, fresh: bool) -> None:
        """Hand on, from the follower's thread, what was told."""
        self._loop.call_soon_threadsafe(self._heed, told, fresh)

    def _heed(self, told: Told, fresh: bool) -> None:
        if told.since:
            if fresh and told.name in self._lanes:
                self._lanes[told.name].replay(told.since)
            return
        self._states[told.name] = told.state
        if told.name in self._lanes:
            log.info("a destination was told", extra={"destination": told.name, "state": str(told.state)})
            self._lanes[told.name].pause(told.state is not State.RUNNING)

    def _disable(self, destination: Destination) -> None:
        """Say that a destination wants no more, so that the next relay knows it too."""
        told = Told(name=destination.name, state=State.DISABLED)
        self._states[destination.name] = State.DISABLED
        self._loop.run_in_executor(None, tell, self._settings, told)


def lane(
    settings: Connection,
    destination: Destination,
    codec: Codec,
    *,
    sink: Sink | None = None,
    near_s: float = NEAR_S,
    tracing: Tracing | None = None,
) -> Lane:
    """Return a destination's lane, joined to its group, with its own sink unless one is given."""
    outgoing = Outgoing(partial(kafka.producer, settings, kafka.TAKEN_S), codec, destination.retry.name)
    return Lane(
        destination.name,
        Reader(settings, destination.group, [destination.topic.name, destination.retry.name], destination.retry.name),
        sink or destination.open(),
        codec,
        outgoing,
        topic=destination.topic.name,
        takes=destination.takes,
        erases=destination.erases,
        schedule=destination.schedule_s,
        near_s=near_s,
        tracing=tracing,
        foresee=partial(erasures, settings, destination.topic, codec),
    )


def run(settings: RelaySettings) -> None:
    """Run the relay until SIGTERM or SIGINT. Raises `SettingsError`."""
    found = destinations(settings, os.environ)

    async def main() -> None:
        relay = Relay(settings, found)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, relay.stop)
        metrics.serve(settings.metrics_host, settings.metrics_port)
        log.info("relay delivers", extra={"destinations": [one.name for one in found]})
        await relay.run()

    asyncio.run(main())
