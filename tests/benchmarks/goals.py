"""What we want of ourselves, and whether a run reached it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tests.benchmarks.scale import Scaled

OVERHEAD_US = 8.0
P50_MS, P99_MS = 60.0, 250.0
TWICE, FLAT = 1.8, 1.3
PEERS = {("faust", "at least once"): 20.0, ("quix", "at least once"): 3.0, ("bare", "none"): 0.75}


@dataclass(frozen=True)
class Row:
    """One engine's figures; the names are those of `build/bench.json`."""

    engine: str
    guarantee: str
    cpu_us_per_event: float
    events_per_s: float
    rss_mib: float
    p50_ms: float | None
    p99_ms: float | None


class Scale(NamedTuple):
    """How this engine's figures change with what it is given; None = it could not be measured here.

    `leads_rss_mib` = the largest size with 1,000,000 leads in memory.
    """

    leads: Scaled
    leads_rss_mib: float
    partitions: Scaled
    processes: Scaled | None


@dataclass(frozen=True)
class Goal:
    """Something we want: `value` against `bound`, which it must reach (`at_least`) or not pass."""

    text: str
    value: float
    bound: float
    at_least: bool = True

    @property
    def met(self) -> bool:
        """Whether it is so."""
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def __str__(self) -> str:
        """The goal in words."""
        sign = "≥" if self.at_least else "≤"
        return f"{self.text}: {self.value:.2f} (wanted {sign} {self.bound:g})"


def goals(rows: Sequence[Row], fold: Row, scale: Scale | None) -> list[Goal]:
    """Return the goals that the run says something about: none without a row of ours."""
    ours = next((row for row in rows if row.engine == "leadstream"), None)
    if ours is None:
        return []
    return [*_cost(rows, ours, fold), *_latency(ours), *(_scale(scale) if scale else ())]


def _cost(rows: Sequence[Row], ours: Row, fold: Row) -> Iterator[Goal]:
    own = ours.cpu_us_per_event
    yield Goal("engine overhead, µs/event", own - fold.cpu_us_per_event, OVERHEAD_US, at_least=False)
    costs = {(row.engine, row.guarantee): row.cpu_us_per_event for row in rows}
    for (peer, guarantee), bound in PEERS.items():
        if (peer, guarantee) in costs:
            yield Goal(f"events per CPU-second, leadstream : {peer}", costs[peer, guarantee] / own, bound)


def _latency(ours: Row) -> Iterator[Goal]:
    for name, value, bound in (("p50", ours.p50_ms, P50_MS), ("p99", ours.p99_ms, P99_MS)):
        if value is not None:
            yield Goal(f"event to routed lead at half load, {name}, ms", value, bound, at_least=False)


def _scale(scale: Scale) -> Iterator[Goal]:
    yield Goal("cost of an event, 1,000,000 leads : 10,000", scale.leads.ratio, FLAT, at_least=False)
    yield Goal("cost of an event, 64 partitions : 1", scale.partitions.ratio, FLAT, at_least=False)
    if scale.processes:
        yield Goal("events per second, 2 processes : 1", scale.processes.ratio, TWICE)
