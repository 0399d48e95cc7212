"""`python -m tests.benchmarks.state --leads 1000000`: what a worker's state weighs, and how long it takes to come back.

A real worker in a process of its own, restoring a real changelog from Apache Kafka and then working on random leads.
"""

import json
import os
import platform
import signal
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from schemas.topics import TOUCHPOINTS
from streams.engine.offsets import committed, ends
from streams.runtime.handle import BrokerHandle
from streams.runtime.provider import Wish, choose
from tests.benchmarks.__main__ import REAL, SCRATCH
from tests.benchmarks.leads import Sample, rows, sample, visits, write
from tests.benchmarks.process import rss_mib, size_mib
from tests.pipeline import QUIET, ROOT, Worker, fresh_topics, produce, until

GOAL_LEADS, AS_THEY_COME = 1_000_000, "as they come"  # what the goals are about
VISITS = 30_000
PATIENCE_S = 300.0
SETTLE_S = 5.0
COLUMNS = ("leads", "store", "start", "read", "restore s", "RSS MiB", "at work", "peak", "disk MiB")
HEAD = """# State

What the state of a worker weighs, and how long it takes to come back. This page is written by
`python -m tests.benchmarks.state`; do not edit it.

"""
TAIL = """
## How to read it

- **leads**: rows of `leads.profiles` as the demo's traffic makes them, over 4 partitions, all on one worker. *as they
  come* has stubs (addresses of leads that were absorbed) among them, and visitors beside them; *whole* has neither.
- **start**: *empty* = nothing but the changelog; *disk* = killed, and started again on the folder it left; *standby* =
  half of it its own, the other half followed, until the other worker leaves: **restore s** is then the time from the
  other's leave (SIGTERM) to owning everything, restored.
- **read**, **restore s**: changelog records, and the seconds from the assignment of the partitions to the end of the
  changelog, as the worker's log has them.
- **RSS MiB**: of the whole process once it has restored; **at work**: after {visits:,} events of random leads, the most
  unkind to caches; **peak**: the most it ever had.
"""


class Case(NamedTuple):
    """So many leads like those of a sample."""

    kind: str
    sample: Sample
    leads: int


@dataclass(frozen=True)
class Row:
    """One start of a worker; the names are those of `build/state.json`."""

    leads: str
    store: str
    start: str
    read: int
    restore_s: float
    rss_mib: float
    at_work_mib: float
    peak_mib: float
    disk_mib: float

    def cells(self) -> list[str]:
        """The row as text."""
        sizes = self.rss_mib, self.at_work_mib, self.peak_mib, self.disk_mib
        return [
            self.leads,
            self.store,
            self.start,
            f"{self.read:,}",
            f"{self.restore_s:.1f}",
            *map("{:.0f}".format, sizes),
        ]


def restored(worker: Worker, starts: int) -> tuple[int, float]:
    """Wait for a worker's nth restore; return the records it read and the seconds it took."""
    until(lambda: len(worker.owned) >= starts, PATIENCE_S)
    return worker.owned[-1].records, worker.owned[-1].took_s


def worked(bootstrap: str, case: Case, seed: str) -> None:
    """Let random leads do something, and wait until it has been committed."""
    produce(bootstrap, visits(case.sample, case.leads, VISITS, seed))
    kafka = {"bootstrap.servers": bootstrap, **QUIET}
    spots = [(TOUCHPOINTS.name, partition) for partition in range(4)]

    def through() -> bool:
        return sum(committed(kafka, "leadstream", spots).values()) >= sum(ends(kafka, spots, stable=True).values()) - 8

    until(through, PATIENCE_S)


def measure(bootstrap: str, case: Case, store: str, scratch: Path) -> Iterator[Row]:
    """Start a worker on the changelog; where it has a disk, kill it and start it again; let a standby take over."""
    name = f"{case.kind}-{store}".replace(" ", "-")
    folder = scratch / name if store == "rocksdb" else None
    worker = Worker(bootstrap, "w0", scratch / f"{name}.log", state_dir=str(folder or ""))
    try:
        for number, start in enumerate(("empty", "disk") if folder else ("empty",), start=1):
            worker.start()
            read, took = restored(worker, number)
            rest, _ = rss_mib(worker.pid)
            worked(bootstrap, case, seed=f"{name}-{start}")
            at_work, peak = rss_mib(worker.pid)
            yield Row(case.kind, store, start, read, took, rest, at_work, peak, size_mib(folder) if folder else 0.0)
            worker.kill()
    finally:
        worker.kill()
    yield takeover(bootstrap, case, store, scratch)


def takeover(bootstrap: str, case: Case, store: str, scratch: Path) -> Row:
    """Let one of two workers that follow each other's state leave, when both are warm."""
    folder = scratch / f"{case.kind}-{store}-standby".replace(" ", "-")
    leaves, stays = (
        Worker(
            bootstrap,
            name,
            scratch / f"{name}.log",
            state_dir=str(folder / name) if store == "rocksdb" else "",
            standby=True,
        )
        for name in ("leaves", "stays")
    )
    try:
        stays.start()
        restored(stays, 1)
        leaves.start()
        until(lambda: bool(leaves.owned) and len(stays.owned) > 1, PATIENCE_S)
        settled_mib(stays.pid)  # it follows what the other has by now
        worked(bootstrap, case, seed=f"{case.kind}-{store}-standby")
        time.sleep(SETTLE_S)
        rest, _ = rss_mib(stays.pid)
        before, began = len(stays.owned), time.monotonic()
        leaves.send(signal.SIGTERM)
        until(lambda: len(stays.owned) > before, PATIENCE_S, every_s=0.02)
        took = time.monotonic() - began
        read, _ = restored(stays, before + 1)
        at_work, peak = rss_mib(stays.pid)
        disk = size_mib(folder / "stays") if store == "rocksdb" else 0.0
        return Row(case.kind, store, "standby", read, took, rest, at_work, peak, disk)
    finally:
        leaves.kill()
        stays.kill()


def settled_mib(pid: int) -> float:
    """Wait until a process grows no more; return its size, MiB."""
    size, grown = 0.0, rss_mib(pid)[0]
    while grown > size + 1.0:
        time.sleep(SETTLE_S)
        size, grown = grown, rss_mib(pid)[0]
    return grown


def goals(found: list[Row]) -> list[str]:
    """Return what a million leads as they come may weigh and take, and whether they do, as Markdown."""
    rows = [row for row in found if row.leads == AS_THEY_COME]
    asked = (
        ("state in memory, MiB at work", [row.at_work_mib for row in rows if row.store == "memory"], 1_024),
        ("state in RocksDB, MiB at work", [row.at_work_mib for row in rows if row.store == "rocksdb"], 512),
        ("restore from nothing, s", [row.restore_s for row in rows if row.start == "empty"], 15),
        ("takeover by a standby, s", [row.restore_s for row in rows if row.start == "standby"], 2),
    )
    return [
        f"- {name}: {max(figures):,.1f} (wanted ≤ {most:,}): {'reached' if max(figures) <= most else 'not yet'}"
        for name, figures, most in asked
        if figures
    ]


def page(found: list[Row], under: list[tuple[str, str]], leads: int) -> str:
    """Return docs/state.md."""
    lines = [COLUMNS, ["---"] * len(COLUMNS), *(row.cells() for row in found)]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    run = "\n".join(f"- {name}: {value}" for name, value in under)
    wanted = "\n".join([*goals(found), "", ""]) if leads == GOAL_LEADS else ""
    return f"{HEAD}{table}\n\n{wanted}## The run\n\n{run}\n{TAIL.format(visits=VISITS)}"


def main() -> None:
    """Measure as told."""
    parser = ArgumentParser(prog="python -m tests.benchmarks.state", description=__doc__)
    parser.add_argument("--leads", type=int, default=GOAL_LEADS)
    parser.add_argument("--store", default="memory,rocksdb")
    parser.add_argument("--kind", default=f"{AS_THEY_COME},whole", help="rows with or without stubs and visitors")
    parser.add_argument("--broker", default="auto", help=f"auto, {', '.join(provider.name for provider in REAL)}")
    parser.add_argument("--save", action="store_true", help="write build/state.json and docs/state.md")
    options = parser.parse_args()
    console = Console(width=120)
    found, under = [], [("date", f"{datetime.now(UTC):%Y-%m-%d}")]
    under.append(("machine", f"{os.cpu_count()} shared cores, {platform.machine()}, {platform.system()}"))
    with (
        tempfile.TemporaryDirectory(prefix="leadstream-state-", dir=SCRATCH) as folder,
        running(Path(folder), options.broker) as broker,
    ):
        under.append(("broker", broker.version))
        for kind in options.kind.split(","):
            of = sample(whole=kind == "whole")
            fresh_topics(broker.bootstrap)
            began = time.monotonic()
            size = write(broker.bootstrap, rows(of, options.leads))
            weighs = sum(len(row.value) for row in of.leads) / len(of.leads)
            said = f"{options.leads:,} leads of {weighs:.0f} bytes on average, {of.stubs:.0%} of them stubs"
            said += f", {options.leads * len(of.visitors) // len(of.leads):,} visitors; {size / 2**20:.0f} MiB in all"
            under.append((kind, said))
            console.print(f"{kind}: {said}; written in {time.monotonic() - began:.0f} s")
            for store in options.store.split(","):
                for row in measure(broker.bootstrap, Case(kind, of, options.leads), store, Path(folder)):
                    found.append(row)
                    console.print(" | ".join(f"{name} {cell}" for name, cell in zip(COLUMNS, row.cells(), strict=True)))
    if options.save:
        under.append(("command", f"`python -m tests.benchmarks.state {' '.join(sys.argv[1:])}`"))
        (ROOT / "build").mkdir(exist_ok=True)
        (ROOT / "build" / "state.json").write_text(json.dumps([asdict(row) for row in found], indent=2) + "\n")
        (ROOT / "docs" / "state.md").write_text(page(found, under, options.leads))


@contextmanager
def running(folder: Path, name: str) -> Iterator[BrokerHandle]:
    """Run Apache Kafka for the length of the block."""
    broker = choose(REAL, name).start(Wish(folder / "broker"))
    try:
        yield broker
    finally:
        broker.stop()


if __name__ == "__main__":
    main()
