"""Faults of workers: killed, frozen, rolled, coming and going."""

import asyncio
import signal
from collections.abc import Callable

from tests.chaos.points import POINTS
from tests.chaos.world import World

ORDER_S = 20.0
TICK_S = 0.02
SETTLE_S = 4.0


async def kill_worker(world: World) -> None:
    """SIGKILL, wherever it is."""
    world.workers.any(world.rng).send(signal.SIGKILL)


async def crash_worker(world: World, points: tuple[str, ...] = POINTS) -> None:
    """SIGKILL inside a round, at one of these points, in turn; anywhere, when the worker takes no orders."""
    point = points[world.count("crash_worker") % len(points)]
    worker = world.workers.any(world.rng)
    process = worker.process
    if world.workers.subject.points and process is not None:
        worker.order.write_text(f"{point} kill")
        if await _until(lambda: process.poll() is not None):
            return
        worker.order.unlink(missing_ok=True)
        world.say(f"{worker.name} did not come by {point} within {ORDER_S:.0f} s; killed where it was")
    worker.send(signal.SIGKILL)


async def freeze_worker(
    world: World, for_s: tuple[float, float] = (7.5, 12.0), points: tuple[str, ...] = POINTS
) -> None:
    """SIGSTOP inside a round, past the session's end, then SIGCONT: a zombie wakes amid what is no longer its own."""
    point = points[world.count("freeze_worker") % len(points)]
    worker = world.workers.any(world.rng)
    if world.workers.subject.points:
        worker.order.write_text(f"{point} stop")
        await _until(worker.asleep)
        worker.order.unlink(missing_ok=True)
    worker.send(signal.SIGSTOP)
    await asyncio.sleep(world.rng.uniform(*for_s))
    worker.send(signal.SIGCONT)


async def roll_workers(world: World) -> None:
    """SIGTERM one worker after the other, each back before the next goes."""
    for worker in list(world.workers.workers.values()):
        await world.workers.leave(worker)
        worker.start()
        await asyncio.sleep(SETTLE_S)


async def come_and_go(world: World, at_most: int = 4) -> None:
    """A worker joins, or one leaves in good order: between two and `at_most`."""
    there = [worker for worker in world.workers.workers.values() if worker.wanted]
    away = [worker for worker in world.workers.workers.values() if not worker.wanted]
    if len(there) <= 2 or (len(there) < at_most and world.rng.random() < 0.5):
        if away:
            world.rng.choice(away).start()
        else:
            world.workers.add()
    else:
        await world.workers.leave(world.rng.choice(there))


async def _until(check: Callable[[], bool]) -> bool:
    """Wait up to ORDER_S for an order to be obeyed; tell whether it was."""
    for _ in range(int(ORDER_S / TICK_S)):
        if check():
            return True
        await asyncio.sleep(TICK_S)
    return False
