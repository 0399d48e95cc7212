"""Every engine in its turn, then all of them again: what slows the machine for a minute slows no single one."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from streams.runtime.handle import BrokerHandle
from tests.benchmarks import load
from tests.benchmarks.check import Decided, decided
from tests.benchmarks.engines import FOLD, Engine, Spent
from tests.benchmarks.flow import Sent
from tests.pipeline import fresh_topics


@dataclass
class Turns:
    """What an engine spent in each of its turns; its work and the bytes written for each raw event are the first's."""

    engine: Engine
    spent: list[Spent] = field(default_factory=list)
    work: Decided | None = None
    written: float | None = None

    @property
    def best(self) -> Spent:
        """The turn with the least CPU time: others on this machine only ever add to it."""
        return min(self.spent, key=lambda one: one.cpu_s)

    def __str__(self) -> str:
        """Its last turn in words."""
        return f"{self.engine.title} {self.spent[-1].cpu_us:.1f}"


def take_turn(broker: BrokerHandle, all_turns: Iterable[Turns], events: Sequence[Sent], saved: Path) -> None:
    """Measure each once, over events that all lie there when it starts. Exits when an engine breaks its promise.

    `saved` holds the same events, for the fold alone.
    """
    for turns in all_turns:
        engine = turns.engine
        if engine is FOLD:
            turns.spent.append(engine.measure(str(saved), len(events)))
            continue
        own = events[: int(len(events) * engine.share)]
        fresh_topics(broker.bootstrap)
        load.preload(broker.bootstrap, own)
        before = _bytes(broker)
        turns.spent.append(engine.measure(broker.bootstrap, len(own)))
        if turns.work is None:
            turns.written = (_bytes(broker) - before) / len(own) if before else None
            turns.work = _checked(engine, decided(broker.bootstrap))


def _checked(engine: Engine, work: Decided) -> Decided:
    if work.lost or (engine.exact and work.extra):
        sys.exit(f"{engine.title}: of {work.due} decisions {work.lost} are lost, {work.extra} too many")
    return work


def _bytes(broker: BrokerHandle) -> int:
    """Return how many there are in the broker's logs; 0 when they are not ours to look at."""
    if broker.data_dir is None or not broker.nodes:
        return 0
    logs = broker.data_dir.rglob("*.log")
    return sum(log.stat().st_size for log in logs if log.parent.name != log.stem and "-delete" not in log.parent.name)
