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
from streams.runtime.handle import BrokerHandle, UnavailableError
from streams.runtime.provider import Wish, choose
from tests.benchmarks import load
from tests.benchmarks.check import decided
from tests.benchmarks.door.run import collectors
from tests.benchmarks.engines import ENGINES, FOLD, OURS, QUIX, Engine, Spent
from tests.benchmarks.flow import Sent
from tests.benchmarks.goals import Row, Scale
from tests.benchmarks.latency import by_rate, latency
from tests.benchmarks.report import Note, Report
from tests.benchmarks.scale import by_leads, by_partitions, by_processes
from tests.benchmarks.stages import stages
from tests.pipeline import ROOT, fresh_topics

REAL = tuple(provider for provider in FOR_TESTS if provider.name != "embedded")
REFUSAL = "`make bench` compares engines on Apache Kafka only: an embedded broker is another thing, so no ratio of it."
SCRATCH = Path("/var/tmp")  # a disk on every Linux, where /tmp may be memory
WIDTH = 110  # characters that the table needs
SCALE_EVENTS = 20_000
SETTLED_LATENCY = 1_500  # events; fewer than that say little of a 99th percentile


def measure(bootstrap: str, engine: Engine, events: Sequence[Sent]) -> Spent:
    """Run an engine over events that all lie there when it starts."""
    fresh_topics(bootstrap)
    load.preload(bootstrap, events)
    return engine.measure(bootstrap, len(events))


def row_of(
    broker: BrokerHandle, engine: Engine, events: Sequence[Sent], repeat: int, console: Console
) -> tuple[Row, Note]:
    """Measure an engine, check its work, time its decisions. Exits when a promise is broken."""
    bootstrap = broker.bootstrap
    own = events[: int(len(events) * engine.share)]
    fresh_topics(bootstrap)
    load.preload(bootstrap, own)
    before = _written(broker)
    spent = engine.measure(bootstrap, len(own))
    after = _written(broker)
    found = decided(bootstrap)
    if found.lost or (engine.exact and found.extra):
        sys.exit(f"{engine.title}: of {found.due} decisions {found.lost} are lost, {found.extra} too many")
    again = [measure(bootstrap, engine, own) for _ in range(repeat - 1)]
    best = min((spent, *again), key=lambda one: one.cpu_s)  # others on this machine only ever add to it
    figures = f"{best.cpu_us:.1f} µs/event, {best.per_s:,.0f} events/s, longest pause {best.pause_s:.1f} s"
    console.print(f"{engine.title}: {figures}, over {len(own):,} events")
    p50_ms = p99_ms = live_per_s = None
    if len(own) >= SETTLED_LATENCY:
        p50_ms, p99_ms, _, live_per_s = latency(bootstrap, engine, events, best.per_s)
    row = Row(engine.name, engine.guarantee, best.cpu_us, best.per_s, best.rss_mib, p50_ms, p99_ms)
    decisions = f"{found.due - found.lost:,} of {found.due:,}" + (f", {found.extra} repeated" if found.extra else "")
    return row, Note(decisions, (after - before) / len(own) if before and after else None, live_per_s)


def scale_of(bootstrap: str, events: Sequence[Sent], console: Console) -> Scale:
    """Measure what more leads, partitions and processes make of our figures."""
    few = min(len(events), SCALE_EVENTS)
    console.print("more of everything: processes, partitions, leads (a million take some minutes)")
    processes = by_processes(bootstrap, events[: few // 3])
    return Scale(*by_leads(bootstrap, few), by_partitions(bootstrap, few), processes)


def _written(broker: BrokerHandle) -> int | None:
    """Return the bytes in the broker's logs; None when they are not ours to look at."""
    if broker.data_dir is None or not broker.nodes:
        return None
    logs = broker.data_dir.rglob("*.log")
    return sum(log.stat().st_size for log in logs if log.parent.name != log.stem and "-delete" not in log.parent.name)


def fold_of(events: Sequence[Sent], scratch: Path, repeat: int) -> Row:
    """Measure the fold alone."""
    load.save(events, scratch / "load")
    spent = [FOLD.measure(str(scratch / "load"), len(events)) for _ in range(repeat)]
    best = min(spent, key=lambda one: one.cpu_s)
    return Row(FOLD.name, FOLD.guarantee, best.cpu_us, best.per_s, best.rss_mib, None, None)


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
        ("repeats", f"{options.repeat}, the one with the least CPU time counts"),
        ("command", f"`make bench ARGS='{' '.join(sys.argv[1:])}'`" if sys.argv[1:] else "`make bench`"),
    ]


def main() -> None:
    """Measure as told."""
    parser = ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=2)
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
            fold = fold_of(events, scratch, options.repeat)
            found = [row_of(broker, it, events, options.repeat, console) for it in engines]
            rates = () if options.only else tuple(by_rate(broker.bootstrap, OURS, events))
            scale = None if options.only else scale_of(broker.bootstrap, events, console)
        finally:
            broker.stop()
    rows, notes = zip(*found, strict=True)
    shares = stages(SCALE_EVENTS) if not options.only else ()
    report = Report(rows, notes, fold, under(broker.version, options), scale, shares, rates)
    report.show(console)
    if not options.only:
        report.save(ROOT / "build", ROOT / "docs")
        console.print("Written: build/bench.json, docs/benchmarks.md, docs/benchmarks.svg")


if __name__ == "__main__":
    main()
