"""Faults of the collectors."""

import signal

from tests.chaos import orders
from tests.chaos.doomed import POINTS
from tests.chaos.world import World


async def kill_collector(world: World) -> None:
    """SIGKILL one, at each point of a request in turn, and every fourth time wherever it is; it is back at once."""
    number = world.count("kill_collector")
    lives = [collector.process for collector in world.collectors.all]
    point = (*POINTS, "")[number % (len(POINTS) + 1)]
    if not point or not await orders.give(world.collectors.order, point, "kill", world.collectors.any_dead):
        world.collectors.all[number % len(lives)].send(signal.SIGKILL)
    await world.collectors.revive()
