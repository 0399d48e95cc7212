"""Faults of the links between workers and Kafka's nodes."""

import asyncio

from tests.chaos.proxy import Link
from tests.chaos.world import World


async def half_open(world: World, for_s: float = 60.0) -> None:
    """Links between workers and nodes stay open and carry nothing: no reset, no end, no answer."""
    world.cluster.doors.turn(Link.HALF_OPEN)
    await asyncio.sleep(for_s)
    world.cluster.doors.turn(Link.OPEN)


async def reset_links(world: World) -> None:
    """Every link between workers and nodes is reset."""
    world.cluster.doors.turn(Link.RESET)
    await asyncio.sleep(1.0)
    world.cluster.doors.turn(Link.OPEN)
