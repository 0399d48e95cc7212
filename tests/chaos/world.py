"""What a fault may touch: the cluster, the workers, the collectors, a seeded die; and when faults began and ended."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.chaos.cluster import Cluster
from tests.chaos.collectors import Collectors
from tests.chaos.keeper import Keeper

Spot = tuple[str, int, int]  # topic, partition, offset


class Trouble(NamedTuple):
    """A fault that happened, from when until when (monotonic seconds)."""

    name: str
    began: float
    ended: float


@dataclass
class World:
    """One run's world."""

    cluster: Cluster
    workers: Keeper
    collectors: Collectors
    rng: random.Random
    say: Callable[[str], None]
    troubles: list[Trouble] = field(default_factory=list)
    outages: list[Trouble] = field(default_factory=list)
    poison: dict[Spot, str] = field(default_factory=dict)  # records nobody can use, and the reason

    @contextmanager
    def trouble(self, name: str) -> Iterator[None]:
        """Note when a fault begins and ends."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.troubles.append(Trouble(name, began, time.monotonic()))

    async def outage(self, seconds: float) -> None:
        """Let time pass while too few nodes are there to write."""
        began = time.monotonic()
        await asyncio.sleep(seconds)
        self.outages.append(Trouble("outage", began, time.monotonic()))

    def count(self, name: str) -> int:
        """Return how often a fault has happened."""
        return sum(trouble.name == name for trouble in self.troubles)
