"""Three nodes of Apache Kafka that may be killed, stopped and cut off; workers come in through doors of their own."""

import asyncio
import os
import signal
from pathlib import Path

from confluent_kafka.admin import AdminClient

from streams.runtime.handle import BrokerHandle
from streams.runtime.kafka import LocalKafka
from streams.runtime.process import Process, StartError, free_port
from streams.runtime.provider import Wish
from tests.chaos.proxy import Doors, Link
from tests.pipeline import QUIET

NODES = 3
STARTS = 5


class Cluster:
    """`bootstrap` is for collectors and checks, `door` the way in for workers: theirs are the links that are cut."""

    def __init__(self, folder: Path) -> None:
        behind = [free_port() for _ in range(NODES)]
        self.doors = Doors(behind)
        ports = tuple((own, door.port) for own, door in zip(behind, self.doors.doors, strict=True))
        self.handle: BrokerHandle = LocalKafka().start(Wish(folder, nodes=NODES, quick=True, doors=ports))
        self.bootstrap = self.handle.bootstrap
        self.door = ",".join(f"127.0.0.1:{door.port}" for door in self.doors.doors)
        self._admin = AdminClient({"bootstrap.servers": self.bootstrap, **QUIET, "log_level": 2})

    def leader(self, topic: str, partition: int = 0) -> int:
        """Return the node that leads a partition, counted from 0."""
        found = self._admin.list_topics(topic, timeout=20).topics[topic].partitions[partition]
        return int(found.leader) - 1

    def coordinator(self, topic: str, name: str) -> int:
        """Return the node that looks after a group (`__consumer_offsets`) or a producer (`__transaction_state`)."""
        count = len(self._admin.list_topics(topic, timeout=20).topics[topic].partitions)
        return self.leader(topic, (_java_hash(name) & 0x7FFFFFFF) % count)

    def kill(self, node: int) -> None:
        """End a node as a power cut would, if it lives."""
        self._node(node).kill()

    async def restart(self, *nodes: int) -> None:
        """Start those of these nodes that are dead again, at once, and return when they serve.

        Another fault may end one while it starts, or take away the nodes it waits for: then it is started anew.
        """
        for left in reversed(range(STARTS)):
            dead = [node for node in nodes if not self._node(node).running]
            for node in dead:
                self._node(node).start()
            waits = (asyncio.to_thread(self._node(node).wait) for node in dead)
            found = await asyncio.gather(*waits, return_exceptions=True)
            failed = [error for error in found if error is not None]
            if not failed:
                return
            if not left or not all(isinstance(error, StartError) for error in failed):
                raise failed[0]

    def signal(self, node: int, number: signal.Signals) -> None:
        """Send a node a signal: SIGSTOP freezes it with its connections open, SIGCONT thaws it."""
        pid = self._node(node).pid
        if pid is not None:
            os.kill(pid, number)

    async def mend(self) -> None:
        """Undo whatever a fault that was cut short has left."""
        self.doors.turn(Link.OPEN)
        for node in range(NODES):
            self.signal(node, signal.SIGCONT)
        await self.restart(*range(NODES))

    def stop(self) -> None:
        """End all nodes, and the doors."""
        for node in range(NODES):
            self.signal(node, signal.SIGCONT)
        self.handle.stop(timeout=5)
        self.doors.close()

    def _node(self, node: int) -> Process:
        found = self.handle.nodes[node]
        assert isinstance(found, Process)
        return found


def _java_hash(text: str) -> int:
    """Return Java's `String.hashCode`, by which Kafka chooses coordinators, modulo 2^32."""
    number = 0
    for letter in text:
        number = (31 * number + ord(letter)) & 0xFFFFFFFF
    return number
