"""Faults of Kafka's nodes: killed and frozen, one, some or all."""

import asyncio
import signal

from confluent_kafka import KafkaException

from tests.chaos.cluster import NODES
from tests.chaos.world import World
from tests.pipeline import PARTITIONS


async def kill_leader(world: World, of: str, for_s: float = 15.0) -> None:
    """SIGKILL the node that leads a partition, or coordinates our group or our transactions; then restart it."""
    node = await asyncio.to_thread(_leader, world, of)
    world.cluster.kill(node)
    await asyncio.sleep(for_s)
    await world.cluster.restart(node)


async def freeze_leader(world: World, of: str, for_s: float = 30.0) -> None:
    """SIGSTOP the node that leads: its connections stay open and nothing answers."""
    node = await asyncio.to_thread(_leader, world, of)
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


def _kill_all(world: World) -> None:
    for node in range(NODES):
        world.cluster.kill(node)


def _leader(world: World, of: str) -> int:
    """Return the node that leads a partition, coordinates our group, or a worker's transactions; any, if none says."""
    try:
        if of == "__consumer_offsets":
            return world.cluster.coordinator(of, world.workers.subject.group)
        if of == "__transaction_state":
            return world.cluster.coordinator(of, f"{world.workers.subject.group}-w0")
        return world.cluster.leader(of, world.rng.randrange(PARTITIONS))
    except KafkaException:
        return world.rng.randrange(NODES)
