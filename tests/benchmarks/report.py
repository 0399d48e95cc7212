"""What was measured, as a table on the screen, as JSON, and as the page and the picture in docs."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.picture import picture

COLUMNS = ("engine", "guarantee", "CPU µs/event", "events/s", "peak RSS MiB", "p50 ms", "p99 ms", "decisions")
HEAD = """# Benchmarks

What one event costs, from raw event to routed lead (resolve, qualify, score, route), side by side: the same bytes, the
same steps, the same broker, one run. This page is written by `make bench`; do not edit it.

"""
TAIL = """
## How to read it

- **CPU µs/event**: user and system time of the consuming process, all its threads, per raw event. A raw event is
  consumed, makes about 1.1 touchpoints, and these are consumed again. Start-up is left out, the last commit is not.
- **events/s**: raw events per second of wall time in one process, everything being there at the start.
- **p50, p99**: from writing an event to a subscriber that reads committed having the decision, at half of that rate.
- **decisions**: on `leads.routed`, against those that the pure fold makes of the very touchpoints in the log. A run
  that loses one fails; so does one that promises exactly once and repeats one.
- **fold** is the work itself with no Kafka: decode, step, encode. **bare** is librdkafka in and out around it, keeping
  and committing nothing: the ceiling of what Python can do here.
- Stock Faust keeps its tables in memory; Quix Streams keeps its state as it always does, in RocksDB. In favour of Quix:
  its raw topics are not joined (no alignment by time) and the roster is a plain dict.
- fold, bare and leadstream run with the worker's own garbage collector settings (`streams.engine.garbage`).
- The machine is shared and small: compare within the table, not with another page. A slow engine gets fewer events.
"""
PEERS = {("faust", "at least once"): 10.0, ("quix", "at least once"): 3.0, ("bare", "none"): 0.75}


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


@dataclass(frozen=True)
class Report:
    """A run: engines' rows, what each decided ("2317 of 2317"), the fold's own row, and under what it was run."""

    rows: Sequence[Row]
    decisions: Sequence[str]
    fold: Row
    under: Sequence[tuple[str, str]]

    def goals(self) -> list[Goal]:
        """What we want of ourselves."""
        cost = {(row.engine, row.guarantee): row.cpu_us_per_event for row in self.rows}
        ours = cost.get(("leadstream", "exactly once"))
        if ours is None:
            return []
        goals = [Goal("engine overhead, µs/event", ours - self.fold.cpu_us_per_event, 15, at_least=False)]
        for peer, bound in PEERS.items():
            if peer in cost:
                goals.append(Goal(f"events per CPU-second, leadstream : {peer[0]}", cost[peer] / ours, bound))
        return goals

    def show(self, console: Console) -> None:
        """Print the table and the goals."""
        table = Table(*COLUMNS, title="What an event costs")
        for cells in self._cells():
            table.add_row(*cells)
        console.print(table)
        for goal in self.goals():
            console.print(f"{'[green]met   ' if goal.met else '[yellow]missed'}[/] {goal}")

    def save(self, build: Path, docs: Path) -> None:
        """Write `build/bench.json`, `docs/benchmarks.md` and its picture."""
        build.mkdir(parents=True, exist_ok=True)
        (build / "bench.json").write_text(json.dumps([asdict(row) for row in self.rows], indent=2) + "\n")
        (docs / "benchmarks.md").write_text(self._page())
        bars = [(f"{row.engine}, {row.guarantee}", row.cpu_us_per_event) for row in self.rows]
        (docs / "benchmarks.svg").write_text(picture(bars, self.fold.cpu_us_per_event))

    def _page(self) -> str:
        lines = ["![CPU time per event, by engine](benchmarks.svg)", "", _line(COLUMNS), _line(["---"] * len(COLUMNS))]
        lines += [_line(cells) for cells in self._cells()]
        lines += ["", *(f"- {goal}{'' if goal.met else ': not yet'}" for goal in self.goals())]
        lines += ["", "## The run", "", *(f"- {name}: {value}" for name, value in self.under)]
        return HEAD + "\n".join(lines) + "\n" + TAIL

    def _cells(self) -> list[list[str]]:
        found = zip((self.fold, *self.rows), ("", *self.decisions), strict=True)
        return [[*_figures(row), decisions] for row, decisions in found]


def _figures(row: Row) -> list[str]:
    latencies = ("" if ms is None else f"{ms:.0f}" for ms in (row.p50_ms, row.p99_ms))
    figures = f"{row.cpu_us_per_event:.1f}", f"{row.events_per_s:,.0f}", f"{row.rss_mib:.0f}"
    return [row.engine, row.guarantee, *figures, *latencies]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
