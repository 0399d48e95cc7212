"""From declared agents to a Faust app that runs them: `build(agents, config, codec)`."""

import asyncio
import logging
import time
from collections.abc import AsyncIterable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn, cast

import faust
from faust.transport.drivers import TRANSPORTS

from schemas.codec import Codec
from schemas.step import Agent
from streams import metrics
from streams.engine.boundary import Boundary
from streams.engine.config import Config
from streams.engine.exits import Exit, doom, leave
from streams.engine.garbage import spare
from streams.engine.host import Host, NewStore
from streams.engine.shares import Assignor
from streams.engine.stacks import standing
from streams.engine.transport import SCHEME, BatchConsumer, brokers
from streams.engine.watchdog import Sight, Watchdog

log = logging.getLogger(__name__)
TRANSPORTS.aliases[SCHEME] = "streams.engine.transport:Transport"
NEVER_S = 7 * 86_400.0
STOP_S = 20.0
LOOK_S = 0.5


class App(faust.App):
    """A Faust app with an engine around it."""

    engine: Host

    def sight(self) -> Sight:
        """Return what the watchdog looks at."""
        consumer = cast("BatchConsumer | None", self._consumer)  # the property would make one, in the wrong thread
        engine = self.engine
        waits = (
            self.rebalancing or engine.rounds.open or not engine.restored or (consumer is not None and consumer.astray)
        )
        positions = {} if consumer is None else consumer.positions()
        return Sight(positions, engine.progress_at, waits, engine.waits_for)

    def stands_still(self, loop: asyncio.AbstractEventLoop, why: str) -> NoReturn:
        """End the process, after telling where each thread and task stands: nobody can ask it afterwards."""
        doom(Exit.STALLED)
        consumer = cast("BatchConsumer | None", self._consumer)
        try:
            for name, at in standing([loop] if consumer is None else [loop, consumer._thread.thread_loop]):
                log.error("it stands", extra={"why": f"{name}: {at}"})
        finally:
            leave(Exit.STALLED, why)


def build(agents: Iterable[Agent], config: Config, codec: Codec, store: NewStore | None = None) -> App:
    """Return an app that runs the agents, their state in memory unless `store` says. Nothing connects before `run`."""
    agents = tuple(agents)
    app = App(
        config.group,
        broker=brokers(str(config.kafka["bootstrap.servers"])),
        broker_session_timeout=config.session_s,
        broker_heartbeat_interval=config.session_s / 3,
        broker_rebalance_timeout=config.rebalance_s,
        broker_request_timeout=NEVER_S,  # also bounds a restore, and ends the recovery task in silence
        broker_max_poll_interval=NEVER_S,  # else an idle member leaves its group and never comes back
        broker_max_poll_records=config.round_records,
        canonical_url=f"http://{config.group}",  # an assignment names it, and must outlive a move to another host
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=config.instance or None,
        stream_wait_empty=True,
        stream_recovery_delay=0.0,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        PartitionAssignor=Assignor,
    )
    app.engine = Host(config, agents, codec, store)
    for agent in agents:
        _register(app, app.engine.boundaries[agent.name])

    @app.on_rebalance_complete.connect
    async def assigned(*_: Any, **__: Any) -> None:
        await cast("BatchConsumer", app.consumer).give_back()

    return app


def _register(app: App, boundary: Boundary) -> None:
    """Make a Faust agent of a declared one: each event of its stream is a batch, each batch part of a transaction."""
    names = [topic.name for topic in boundary.agent.inputs]
    channel = app.topic(
        *names, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw", acks=False
    )

    @app.agent(channel, name=boundary.agent.name)
    async def run(stream: Any) -> None:
        batches: AsyncIterable[Any] = stream.events()
        async for event in batches:
            async with app.engine.rounds.transaction(event.value, boundary) as fold:
                fold()


async def run(app: App, stop: asyncio.Event) -> None:
    """Run the app until `stop` is set, then leave the group in good order. A crash of Faust's ends the process."""
    host = app.engine
    if not await _begun(host, stop):
        return
    spare()
    stalled = partial(app.stands_still, asyncio.get_running_loop())
    watchdog = Watchdog(host.config.kafka, app.sight, host.config.stall_s, host.heard, stalled)
    host.patience.gives_up = stalled
    watchdog.start()
    starting = asyncio.create_task(app.start())  # it returns after the first restore: not to be waited for unwatched
    try:
        while not stop.is_set():
            if starting.done():
                starting.result()
            if app.crashed:
                leave(Exit.CRASHED, f"Faust gave up: {app.crash_reason!r}")
            due = time.monotonic() + LOOK_S
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), timeout=LOOK_S)
            metrics.LOOP_LAG.observe(max(time.monotonic() - due, 0.0))
    finally:
        watchdog.stop()
        starting.cancel()
        try:
            await asyncio.wait_for(_stop(app), timeout=STOP_S)
        except TimeoutError:
            leave(Exit.STALLED, f"it did not stop within {STOP_S:g} s")


async def _begun(host: Host, stop: asyncio.Event) -> bool:
    """Start the engine; False when it is to stop before its brokers have answered: then nothing has begun."""
    starting, stopping = asyncio.ensure_future(host.start()), asyncio.ensure_future(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not starting.done():
        starting.cancel()
        return False
    await starting
    return True


async def _stop(app: App) -> None:
    await app.stop()
    await app.engine.close()
