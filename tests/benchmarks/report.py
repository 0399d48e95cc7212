"""What was measured, as a table on the screen, as JSON, and as the page and the picture in docs."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from tests.benchmarks.goals import Goal, Row, Scale, goals
from tests.benchmarks.latency import Latency
from tests.benchmarks.picture import picture
from tests.benchmarks.scale import Scaled
from tests.benchmarks.stages import Stage

COLUMNS = (
    "engine",
    "guarantee",
    "CPU µs/event",
    "events/s",
    "peak RSS MiB",
    "live events/s",
    "p50 ms",
    "p99 ms",
    "bytes written",
    "decisions",
)
SCALES = ("what", "fewer", "more", "ratio")
HEAD = """# Benchmarks

What one event costs, from raw event to routed lead (resolve, qualify, score, route), side by side: the same bytes, the
same steps, the same broker, one run. This page is written by `make bench`; do not edit it.

"""
TAIL = """
## How to read it

- **CPU µs/event**: user and system time of the consuming process, all its threads, per raw event. A raw event is
  consumed, makes about 1.1 touchpoints, and these are consumed again. Start-up is left out, the last commit is not.
- **events/s**: raw events per second of wall time in one process, everything being there at the start.
- **live events/s**: the same while the events are being written, with writer, broker and subscriber on the same cores.
- **p50, p99**: from writing an event to a subscriber that reads committed having the decision, at half of that rate.
- **Latency by load** is this engine alone, exactly once. An event goes through two rounds, and waits for one to end.
  A round ends with its commit, which costs the broker one request for each partition written, one after another on a
  connection: that is the floor when little comes in. With three brokers there are three connections.
- **bytes written**: by the broker, for each raw event, over all that the engine sends (outputs, changelogs, offsets,
  transactions), as its files have grown.
- **decisions**: on `leads.routed`, against those that the pure fold makes of the very touchpoints in the log. A run
  that loses one fails; so does one that promises exactly once and repeats one.
- **fold** is the work itself with no Kafka: decode, step, encode. **bare** is librdkafka in and out around it, keeping
  and committing nothing: the ceiling of what Python can do here.
- Stock Faust keeps its tables in memory; Quix Streams keeps its state as it always does, in RocksDB. In favour of Quix:
  its raw topics are not joined (no alignment by time) and the roster is a plain dict.
- fold, bare and leadstream run with the worker's own garbage collector settings (`streams.engine.garbage`).
- **More of everything** is this engine alone. Leads: their profiles are restored first, then page views come, each by
  any of the leads. Processes: each is held to 0.3 of a core, so that two of them and a broker fit on this machine.
- **Where the time goes**: stages of the fold, each run by itself over what it gets in the fold, and what the engine
  pays to write the state.
- The machine is shared and small: compare within the table, not with another page. A slow engine gets fewer events.
"""


class Note(NamedTuple):
    """What else there is to say of an engine: what it decided ("2317 of 2317"), bytes written, rate while fed."""

    decisions: str
    bytes_per_event: float | None = None
    live_per_s: float | None = None


@dataclass(frozen=True)
class Report:
    """A run: engines' rows with a note on each, the fold's own row; how we scale, where the fold's time goes, how long
    we take at some rates."""

    rows: Sequence[Row]
    notes: Sequence[Note]
    fold: Row
    under: Sequence[tuple[str, str]]
    scale: Scale | None = None
    stages: Sequence[Stage] = ()
    rates: Sequence[Latency] = ()

    def goals(self) -> list[Goal]:
        """What we want of ourselves."""
        return goals(self.rows, self.fold, self.scale)

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
        lines = ["![CPU time per event, by engine](benchmarks.svg)", "", *_lines(COLUMNS, self._cells()), ""]
        lines += [f"- {goal}{'' if goal.met else ': not yet'}" for goal in self.goals()]
        if self.rates:
            lines += ["", "## Latency by load", "", *_lines(("events/s", "p50 ms", "p99 ms"), map(_aged, self.rates))]
        if self.scale:
            lines += ["", "## More of everything", "", *_lines(SCALES, _scales(self.scale))]
        if self.stages:
            cells = [(stage.name, f"{stage.us_per_event:.1f}") for stage in self.stages]
            lines += ["", "## Where the time goes", "", *_lines(("stage", "CPU µs/event"), cells)]
        lines += ["", "## The run", "", *(f"- {name}: {value}" for name, value in self.under)]
        return HEAD + "\n".join(lines) + "\n" + TAIL

    def _cells(self) -> list[Sequence[str]]:
        found = zip((self.fold, *self.rows), (Note(""), *self.notes), strict=True)
        return [_told(row, note) for row, note in found]


def _told(row: Row, note: Note) -> list[str]:
    cost = f"{row.cpu_us_per_event:.1f}", f"{row.events_per_s:,.0f}", f"{row.rss_mib:.0f}"
    latency = (_rounded(it) for it in (note.live_per_s, row.p50_ms, row.p99_ms))
    return [row.engine, row.guarantee, *cost, *latency, _rounded(note.bytes_per_event), note.decisions]


def _scales(scale: Scale) -> Iterator[Sequence[str]]:
    two = scale.processes
    rss = f" (peak RSS {scale.leads_rss_mib:,.0f} MiB)"
    yield f"CPU µs/event, 10,000 and 1,000,000 leads{rss}", *_compared(scale.leads)
    yield "CPU µs/event, 1 and 64 partitions of each topic", *_compared(scale.partitions)
    yield (
        "events/s, 1 and 2 processes",
        *(_compared(two) if two else ("not measured: no cgroup to hold them in", "", "")),
    )


def _compared(scaled: Scaled) -> tuple[str, str, str]:
    return f"{scaled.small:,.1f}", f"{scaled.large:,.1f}", f"{scaled.ratio:.2f}"


def _aged(found: Latency) -> Sequence[str]:
    return _rounded(found.live_per_s / 2), _rounded(found.p50_ms), _rounded(found.p99_ms)


def _rounded(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _lines(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [_line(head), _line(["---"] * len(head)), *(_line(row) for row in rows)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
