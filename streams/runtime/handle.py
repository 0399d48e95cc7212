"""What a provider gives back: where the server listens, what it is, and how to stop, kill or restart it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

__all__ = ["BrokerHandle", "Handle", "Node", "NotOursError", "RedisHandle", "UnavailableError"]


class UnavailableError(Exception):
    """No provider can serve; the text lists each one tried and what would make it work."""


class NotOursError(Exception):
    """Somebody else runs this server, so we neither kill nor restart it."""


class Node(Protocol):
    """One server that we started."""

    def start(self) -> None:
        """Start, or start again, on the same port and the same folder; returns at once."""

    def wait(self) -> None:
        """Return once it serves."""

    def stop(self, timeout: float) -> None:
        """End it in good order, by force after `timeout` seconds."""

    def kill(self) -> None:
        """End it at once, as a power cut would."""


@dataclass(frozen=True)
class Handle:
    """A running server; `nodes` is empty when somebody else runs it.

    `version` names the software for people to read, `notes` are its limits, one sentence each.
    """

    kind: str
    version: str
    data_dir: Path | None = None
    notes: tuple[str, ...] = ()
    nodes: tuple[Node, ...] = field(default=(), repr=False)

    def stop(self, timeout: float = 10.0) -> None:
        """End every node in good order; a server that is not ours is left alone."""
        if self.nodes:
            with ThreadPoolExecutor(len(self.nodes)) as pool:  # at once: the last of a quorum cannot stop in good order
                list(pool.map(lambda node: node.stop(timeout), self.nodes))

    def kill(self, node: int | None = None) -> None:
        """End one node at once, all of them when none is named. Raises `NotOursError`."""
        for one in self._ours(node):
            one.kill()

    def restart(self, node: int | None = None) -> None:
        """Start what `kill` or `stop` ended: same port, same data. Raises `NotOursError`."""
        nodes = self._ours(node)
        for one in nodes:
            one.start()
        for one in nodes:  # apart from starting: nodes of one cluster come up only together
            one.wait()

    def _ours(self, node: int | None) -> tuple[Node, ...]:
        if not self.nodes:
            raise NotOursError(f"{self.kind} server was given to us; only the one who runs it can kill or restart it")
        return self.nodes if node is None else self.nodes[node : node + 1]


@dataclass(frozen=True, kw_only=True)
class BrokerHandle(Handle):
    """A running Kafka-protocol broker. `bootstrap` is `host:port[,host:port]`."""

    bootstrap: str


@dataclass(frozen=True, kw_only=True)
class RedisHandle(Handle):
    """A running Redis-protocol server. `url` is `redis://host:port/0`."""

    url: str
