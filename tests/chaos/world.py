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
from tests.chaos.ledger import Ledger
from tests.chaos.neighbours import Relay, View
from tests.chaos.progress import Progress
from tests.chaos.workload import Load

AT_WORK_S, TICK_S = 60.0, 0.1
Spot = tuple[str, int, int]  # topic, partition, offset


class Trouble(NamedTuple):
    """A fault that happened, from when until when (monotonic seconds); it befell this partition only, -1 = any."""

    name: str
    began: float
    ended: float
    partition: int = -1


@dataclass
class World:
    """One run's world."""

    cluster: Cluster
    workers: Keeper
    collectors: Collectors
    load: Load
    ledger: Ledger
    progress: Progress
    beside: dict[str, View | Relay]
    rng: random.Random
    say: Callable[[str], None]
    troubles: list[Trouble] = field(default_factory=list)
    outages: list[Trouble] = field(default_factory=list)
    poison: dict[Spot, str] = field(default_factory=dict)  # records nobody can use, and the reason
    smuggled: dict[str, str] = field(default_factory=dict)  # ids of events nobody can use; "" = not even accepted
    collided: set[str] = field(default_factory=set)  # ids given to a second event
    hot: set[str] = field(default_factory=set)  # ids of the events of the one lead that has most of them

    @contextmanager
    def trouble(self, name: str, partition: int = -1) -> Iterator[None]:
        """Note when a fault begins and ends."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.troubles.append(Trouble(name, began, time.monotonic(), partition))

    async def outage(self, seconds: float) -> None:
        """Let time pass while too few nodes are there to write."""
        began = time.monotonic()
        await asyncio.sleep(seconds)
        self.outages.append(Trouble("outage", began, time.monotonic()))

    async def at_work(self) -> None:
        """Return once the workers commit something again, or when they have not for a minute."""
        began, seen = time.monotonic(), len(self.progress.sights)
        while time.monotonic() < began + AT_WORK_S:
            sights = self.progress.sights[seen:]
            if sights and sights[-1].done > sights[0].done:
                return
            await asyncio.sleep(TICK_S)

    def count(self, name: str) -> int:
        """Return how often a fault has happened."""
        return sum(trouble.name == name for trouble in self.troubles)
