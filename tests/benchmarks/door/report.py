"""What was measured of the doors, on the screen and as the page docs/collector.md."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.door.measure import WANTED_BATCHED, WANTED_SINGLE, Load, Measured
from tests.benchmarks.door.stacks import STACKS
from tests.benchmarks.goals import Goal

P99_MS = 50.0
COLUMNS = (
    "stack",
    "load",
    "CPU µs/request",
    "events/s and core",
    "half load, requests/s",
    "CPU µs there",
    "p50 ms",
    "p99 ms",
    "refused",
)
HEAD = """# The collector under load

What a request costs each HTTP stack, from the socket to the broker's acknowledgement: the same events, the same broker
(`acks=all`), the same producer settings, one run. Why ours is as it is: [ADR 12](adr/0012-http-stack.md). This page is
written by `make bench ARGS=--collector`; do not edit it.

"""
TAIL = """
## How to read it

- **CPU µs/request**: user and system time of the serving process, all its threads (librdkafka's too), per request that
  was answered, with 64 connections that each send their next request when the last one is answered.
- **events/s and core**: the same, turned around: events acknowledged for each second of CPU time.
- **half load**: requests come at fixed instants, at half of the rate that we want of a core, or of what this machine
  keeps up with if that is less. A request's time counts from the instant at which it was due. Fewer events share a
  message to the broker then, so each costs more.
- **refused**: answers that were no 2xx, and requests that were never answered.
- The load comes from a process of its own; its share of a core at its busiest is told below.
- The plain doors do less: a write key, `json`, one check. They have no limits, no schema, no personal fields apart, and
  they answer after the same acknowledgement.
- Broker, load and server share this machine's cores, and p99 is theirs together. Compare within the table.
"""

Rows = Sequence[tuple[str, Load, Measured]]


def goals(rows: Rows) -> Iterator[Goal]:
    """What we want of our own door."""
    ours = {load.name: (load, found) for name, load, found in rows if name == "leadstream"}
    if "single" in ours:
        yield Goal(
            "requests of one event, acknowledged, a second and core", 1e6 / ours["single"][1].flat_us, WANTED_SINGLE
        )
    if "batch" in ours:
        load, found = ours["batch"]
        yield Goal(
            "events in batches of ten, acknowledged, a second and core",
            1e6 / found.flat_us * load.events,
            WANTED_BATCHED,
        )
    for load, found in ours.values():
        yield Goal(f"p99 at half load, {load.name}, ms", found.p99_ms, P99_MS, at_least=False)
    others = {(name, load.name): found for name, load, found in rows if name != "leadstream"}
    for (name, kind), found in others.items():
        if kind in ours:
            yield Goal(f"{name} : leadstream, CPU of a request, {kind}", found.flat_us / ours[kind][1].flat_us, 1.0)


def show(rows: Rows, console: Console) -> None:
    """Print the table and the goals."""
    table = Table(*COLUMNS, title="What a request costs")
    for cells in map(_cells, rows):
        table.add_row(*cells)
    console.print(table)
    for goal in goals(rows):
        console.print(f"{'[green]met   ' if goal.met else '[yellow]missed'}[/] {goal}")


def save(rows: Rows, under: Mapping[str, str], docs: Path) -> None:
    """Write the page."""
    lines = [_line(COLUMNS), _line(["---"] * len(COLUMNS)), *(_line(_cells(row)) for row in rows), ""]
    lines += [f"- {goal}{'' if goal.met else ': not yet'}" for goal in goals(rows)]
    lines += ["", "## The stacks", "", *(f"- **{stack.name}**: {stack.what}" for stack in STACKS)]
    busiest = max(found.busy for _, _, found in rows)
    lines += ["", "## The run", "", *(f"- {name}: {value}" for name, value in under.items())]
    lines.append(f"- the load's process: {busiest:.0%} of a core at its busiest")
    (docs / "collector.md").write_text(HEAD + "\n".join(lines) + "\n" + TAIL)


def _cells(row: tuple[str, Load, Measured]) -> list[str]:
    name, load, found = row
    costs = (
        f"{found.flat_us:.0f}",
        f"{1e6 / found.flat_us * load.events:,.0f}",
        f"{found.half_per_s:,.0f}",
        f"{found.half_us:.0f}",
    )
    kind = "one event" if load.events == 1 else f"batch of {load.events}"
    return [name, kind, *costs, f"{found.p50_ms:.1f}", f"{found.p99_ms:.1f}", str(found.failed)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
