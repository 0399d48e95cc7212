"""The faults. To add one: an async function over the world, and its name in `FAULTS`; the case gives its options."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

from tests.chaos.cluster import NODES
from tests.chaos.points import POINTS
from tests.chaos.proxy import Link
from tests.chaos.world import World
from tests.pipeline import PARTITIONS

Fault = Callable[..., Awaitable[None]]
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


async def kill_leader(world: World, of: str, for_s: float = 15.0) -> None:
    """SIGKILL the node that leads a partition, or coordinates our group or our transactions; then restart it."""
    node = _leader(world, of)
    world.cluster.kill(node)
    await asyncio.sleep(for_s)
    await world.cluster.restart(node)


async def freeze_leader(world: World, of: str, for_s: float = 30.0) -> None:
    """SIGSTOP the node that leads: its connections stay open and nothing answers."""
    node = _leader(world, of)
    world.cluster.signal(node, signal.SIGSTOP)
    await asyncio.sleep(for_s)
    world.cluster.signal(node, signal.SIGCONT)


async def kill_nodes(world: World, count: int = NODES, for_s: float = 60.0) -> None:
    """SIGKILL so many nodes at once; back after a while."""
    nodes = world.rng.sample(range(NODES), count)
    for node in nodes:
        world.cluster.kill(node)
    await world.outage(for_s)
    await world.cluster.restart(*nodes)


async def kill_nodes_and_workers(world: World, for_s: float = 60.0) -> None:
    """All nodes down; meanwhile every worker is killed, so that new ones start with nobody there."""
    _kill_all(world)
    await world.outage(for_s / 3)
    for worker in world.workers.workers.values():
        worker.send(signal.SIGKILL)
    await world.outage(2 * for_s / 3)
    await world.cluster.restart(*range(NODES))


async def kill_nodes_and_scale_in(world: World, for_s: float = 60.0) -> None:
    """All nodes down; meanwhile a worker is told to leave."""
    _kill_all(world)
    await world.outage(for_s / 3)
    await world.workers.leave(world.workers.any(world.rng))
    await world.outage(2 * for_s / 3)
    await world.cluster.restart(*range(NODES))


async def start_without_nodes(world: World, for_s: float = 60.0) -> None:
    """All workers end, all nodes go down, the workers start, and long after the nodes do."""
    await world.workers.stop()
    _kill_all(world)
    for worker in world.workers.workers.values():
        worker.start()
    await world.outage(for_s)
    await world.cluster.restart(*range(NODES))


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


def _kill_all(world: World) -> None:
    for node in range(NODES):
        world.cluster.kill(node)


def _leader(world: World, of: str) -> int:
    if of == "__consumer_offsets":
        return world.cluster.coordinator(of, world.workers.subject.group)
    if of == "__transaction_state":
        return world.cluster.coordinator(of, f"{world.workers.subject.group}-w0")
    return world.cluster.leader(of, world.rng.randrange(PARTITIONS))


async def _until(check: Callable[[], bool]) -> bool:
    """Wait up to ORDER_S for an order to be obeyed; tell whether it was."""
    for _ in range(int(ORDER_S / TICK_S)):
        if check():
            return True
        await asyncio.sleep(TICK_S)
    return False


FAULTS: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (
        kill_worker,
        crash_worker,
        freeze_worker,
        roll_workers,
        come_and_go,
        kill_leader,
        freeze_leader,
        kill_nodes,
        kill_nodes_and_workers,
        kill_nodes_and_scale_in,
        start_without_nodes,
        half_open,
        reset_links,
    )
}
