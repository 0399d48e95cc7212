"""Faults of workers: killed, frozen, rolled, coming and going."""

import asyncio
import signal
from collections.abc import Callable
from subprocess import Popen

from tests.chaos import orders
from tests.chaos.points import POINTS
from tests.chaos.world import World

SETTLE_S = 4.0


async def kill_worker(world: World) -> None:
    """SIGKILL, wherever it is."""
    world.workers.any(world.rng).send(signal.SIGKILL)


async def kill_workers(world: World) -> None:
    """SIGKILL all of them at once."""
    for worker in world.workers.workers.values():
        worker.send(signal.SIGKILL)


async def leave_worker(world: World) -> None:
    """One leaves in good order (SIGTERM) and stays away: the others take its partitions over."""
    await world.workers.leave(world.workers.any(world.rng))


async def crash_worker(world: World, points: tuple[str, ...] = POINTS) -> None:
    """SIGKILL inside a round, at one of these points, in turn; anywhere, when workers take no orders."""
    lives = {worker.process for worker in world.workers.workers.values()}
    if not await _order(world, points[world.count("crash_worker") % len(points)], "kill", lambda: _fewer(lives)):
        world.workers.any(world.rng).send(signal.SIGKILL)


async def freeze_worker(
    world: World, for_s: tuple[float, float] = (7.5, 12.0), points: tuple[str, ...] = POINTS
) -> None:
    """SIGSTOP inside a round, past the session's end, then SIGCONT: a zombie wakes amid what is no longer its own."""
    point = points[world.count("freeze_worker") % len(points)]
    if await _order(world, point, "stop", lambda: bool(world.workers.asleep())):
        zombies = world.workers.asleep()
    else:
        zombies = [world.workers.any(world.rng)]
        zombies[0].send(signal.SIGSTOP)  # not to be looked for among the sleepers: it may take a moment to fall asleep
    await asyncio.sleep(world.rng.uniform(*for_s))
    for zombie in zombies:
        zombie.send(signal.SIGCONT)


async def roll_workers(world: World) -> None:
    """SIGTERM one worker after the other, each back before the next goes."""
    for worker in list(world.workers.workers.values()):
        await world.workers.leave(worker)
        worker.start()
        await asyncio.sleep(SETTLE_S)


async def come_and_go(world: World, at_most: int = 4) -> None:
    """A worker joins, or one leaves in good order: between two and `at_most`."""
    there = [worker for worker in world.workers.workers.values() if worker.wanted]
    away = [worker for worker in world.workers.workers.values() if not (worker.wanted or worker.running)]
    if len(there) <= 2 or (len(there) < at_most and world.rng.random() < 0.5):
        if away:
            world.rng.choice(away).start()
        else:
            world.workers.add()
    else:
        await world.workers.leave(world.rng.choice(there))


async def _order(world: World, point: str, how: str, obeyed: Callable[[], bool]) -> bool:
    """Tell the workers to die or freeze at a point, whoever comes by first; return whether one did in good time."""
    if not world.workers.subject.points:
        return False
    if await orders.give(world.workers.order, point, how, obeyed):
        return True
    world.say(f"no worker came by {point} within {orders.WAIT_S:.0f} s; one is taken where it is")
    return False


def _fewer(lives: set[Popen[bytes] | None]) -> bool:
    return any(process is not None and process.poll() is not None for process in lives)
