"""`make bench ARGS="--events 20000 --only leadstream,bare"`: measure, check, show, write the page."""

import os
import platform
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from streams.runtime.broker import FOR_TESTS
from streams.runtime.handle import UnavailableError
from streams.runtime.provider import Wish, choose
from tests.benchmarks import load
from tests.benchmarks.door.run import collectors
from tests.benchmarks.engines import ENGINES, FOLD, OURS, QUIX, Engine
from tests.benchmarks.flow import Sent
from tests.benchmarks.goals import Row, Scale
from tests.benchmarks.latency import by_rate, latency
from tests.benchmarks.report import Note, Report
from tests.benchmarks.scale import by_leads, by_partitions, by_processes
from tests.benchmarks.stages import stages
from tests.benchmarks.turns import Turns, take_turn
from tests.pipeline import ROOT

REAL = tuple(provider for provider in FOR_TESTS if provider.name != "embedded")
REFUSAL = "`make bench` compares engines on Apache Kafka only: an embedded broker is another thing, so no ratio of it."
SCRATCH = Path("/var/tmp")  # a disk on every Linux, where /tmp may be memory
WIDTH = 110  # characters that the table needs
SCALE_EVENTS = 20_000
SETTLED_LATENCY = 1_500  # events; fewer than that say little of a 99th percentile


def row_of(bootstrap: str, turns: Turns, events: Sequence[Sent]) -> tuple[Row, Note]:
    """Say what an engine costs, and time its decisions at half of the rate it has shown."""
    engine, best = turns.engine, turns.best
    p50_ms = p99_ms = live_per_s = None
    if best.events >= SETTLED_LATENCY:
        p50_ms, p99_ms, _, live_per_s = latency(bootstrap, engine, events, best.per_s)
    row = Row(engine.name, engine.guarantee, best.cpu_us, best.per_s, best.rss_mib, p50_ms, p99_ms)
    return row, Note(str(turns.work), turns.written, live_per_s)


def scale_of(bootstrap: str, events: Sequence[Sent], console: Console) -> Scale:
    """Measure what more leads, partitions and processes make of our figures."""
    few = min(len(events), SCALE_EVENTS)
    console.print("more of everything: processes, partitions, leads (a million take some minutes)")
    processes = by_processes(bootstrap, events[:few])
    return Scale(*by_leads(bootstrap, few), by_partitions(bootstrap, len(events)), processes)


def chosen(only: str) -> list[Engine]:
    """Return the engines to measure; Quix Streams only where it is installed."""
    names = set(only.split(",")) if only else {engine.name for engine in ENGINES}
    return [engine for engine in ENGINES if engine.name in names and engine.python.exists()]


def beneath(broker: str, *packages: str) -> dict[str, str]:
    """Say what any run is made with; by default with what serves HTTP."""
    named = packages or (
        "uvicorn",
        "httptools",
        "uvloop",
        "granian",
        "aiohttp",
        "starlette",
        "confluent-kafka",
        "msgspec",
    )
    versions = [f"{it} {version(it)}" for it in named if it in packages or find_spec(it.replace("-", "_"))]
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{os.cpu_count()} shared cores, {platform.machine()}, {platform.system()}",
        "broker": broker,
        "versions": ", ".join([f"Python {platform.python_version()}", *versions]),
    }


def under(broker: str, options: Namespace) -> list[tuple[str, str]]:
    """Say what the run was made with."""
    return [
        *beneath(broker, "confluent-kafka", "faust-streaming", "aiokafka", "fastavro", "msgspec").items(),
        ("Quix Streams", "3.28.1, in an environment of its own" if QUIX.exists() else "not installed"),
        ("load", f"{options.events:,} raw events, 4 partitions; Quix Streams gets half of them, stock Faust 15 %"),
        ("repeats", f"{options.repeat}, all engines in turn; the one with the least CPU time counts"),
        ("command", f"`make bench ARGS='{' '.join(sys.argv[1:])}'`" if sys.argv[1:] else "`make bench`"),
    ]


def main() -> None:
    """Measure as told."""
    parser = ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3, help="turns of each engine")
    parser.add_argument("--only", default="", help="names of engines; nothing is written to docs then")
    parser.add_argument("--broker", default="auto", help=f"auto, {', '.join(provider.name for provider in REAL)}")
    parser.add_argument("--collector", action="store_true", help="measure HTTP stacks instead, docs/collector.md")
    options = parser.parse_args()
    engines = chosen(options.only)
    if not (engines or options.collector):
        parser.error(f"--only knows {', '.join(sorted({engine.name for engine in ENGINES}))}")
    console = Console(width=max(Console().width, WIDTH))
    try:
        provider = choose(REAL, options.broker)
    except UnavailableError as error:
        sys.exit(f"{REFUSAL} Here: {error}")
    with tempfile.TemporaryDirectory(prefix="leadstream-bench-", dir=SCRATCH) as folder:
        scratch = Path(folder)
        os.environ["TMPDIR"] = folder  # what the engines keep goes with the run
        broker = provider.start(Wish(scratch / "broker"))
        try:
            if options.collector:
                collectors(broker, scratch, beneath(broker.version), options.only, options.repeat, console)
                return
            console.print(f"{broker.version}; {options.events:,} raw events")
            events = load.make(options.events)
            load.save(events, saved := scratch / "load")
            alone, *taken = all_turns = [Turns(it) for it in (FOLD, *engines)]
            for turn in range(1, options.repeat + 1):
                take_turn(broker, all_turns, events, saved)
                console.print(f"turn {turn} of {options.repeat}, µs/event: {', '.join(map(str, all_turns))}")
            found = [row_of(broker.bootstrap, one, events) for one in taken]
            rates = () if options.only else tuple(by_rate(broker.bootstrap, OURS, events))
            scale = None if options.only else scale_of(broker.bootstrap, events, console)
        finally:
            broker.stop()
    rows, notes = zip(*found, strict=True)
    best = alone.best
    fold = Row(FOLD.name, FOLD.guarantee, best.cpu_us, best.per_s, best.rss_mib, None, None)
    shares = stages(SCALE_EVENTS) if not options.only else ()
    report = Report(rows, notes, fold, under(broker.version, options), scale, shares, rates)
    report.show(console)
    if not options.only:
        report.save(ROOT / "build", ROOT / "docs")
        console.print("Written: build/bench.json, docs/benchmarks.md, docs/benchmarks.svg")


if __name__ == "__main__":
    main()
