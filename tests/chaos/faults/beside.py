"""Faults of what stands beside the pipeline: Redis gone or emptied, a CRM that is slow, broken, silent or busy."""

import asyncio

import redis

from tests.chaos.neighbours import Relay, View
from tests.chaos.world import World


async def redis_down(world: World, for_s: float = 300.0) -> None:
    """SIGKILL; back on its own disk after a while."""
    server = _view(world).server()
    server.kill()
    await asyncio.sleep(for_s)
    server.start()
    await asyncio.to_thread(server.wait)


async def flush_redis(world: World) -> None:
    """FLUSHALL: whoever administers Redis thought that it was another one."""
    await asyncio.to_thread(redis.Redis.from_url(_view(world).redis.url).flushall)


async def sick_crm(world: World, status: int = 204, slow_s: float = 0.0, for_s: float = 150.0) -> None:
    """One of the CRMs answers with this status, after so many seconds; 0 = it takes requests and never answers."""
    relay = world.beside["relay"]
    assert isinstance(relay, Relay)
    relay.sick.mood, relay.sick.slow_s = status, slow_s
    await asyncio.sleep(for_s)
    relay.sick.mood, relay.sick.slow_s = 204, 0.0


def _view(world: World) -> View:
    view = world.beside["view"]
    assert isinstance(view, View)
    return view
