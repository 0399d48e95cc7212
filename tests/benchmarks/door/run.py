"""`make bench ARGS=--collector`: every HTTP stack in front of the same broker, then the page."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from streams.runtime.handle import BrokerHandle
from tests.benchmarks.door.measure import Measured, loads, measure
from tests.benchmarks.door.report import save, show
from tests.benchmarks.door.stacks import STACKS
from tests.pipeline import ROOT, fresh_topics

EVENTS = 6_000  # made beforehand, and sent again and again


def collectors(  # noqa: PLR0917
    broker: BrokerHandle, folder: Path, under: Mapping[str, str], only: str, repeat: int, console: Console
) -> None:
    """Measure the stacks that are installed; write the page unless only some were asked for.

    All of them are measured, then all of them again: of each the best counts, since others on this machine only ever
    add to it.
    """
    asked = set(only.split(",")) if only else {stack.name for stack in STACKS}
    chosen = [stack for stack in STACKS if stack.name in asked]
    for stack in chosen:
        if not stack.there:
            console.print(f"{stack.name} is not installed: pip install {stack.package}")
    fresh_topics(broker.bootstrap)
    kinds = loads(EVENTS)
    measure(chosen[0], broker.bootstrap, kinds[0], folder)  # a broker that has just started is slow, whoever asks
    found: dict[tuple[str, str], Measured] = {}
    for load in kinds * repeat:
        for stack in chosen:
            if stack.there:
                now = measure(stack, broker.bootstrap, load, folder)
                best = now.best(found.get((stack.name, load.name), now))
                console.print(f"{stack.name}, {load.name}: {now.flat_us:.0f} µs a request, p99 {now.p99_ms:.1f} ms")
                found[stack.name, load.name] = best
    rows = [(stack.name, load, found[stack.name, load.name]) for load in kinds for stack in chosen if stack.there]
    show(rows, console)
    if not only:
        save(rows, {**under, "repeats": f"{repeat}, of each figure the best counts"}, ROOT / "docs")
        console.print("Written: docs/collector.md")
