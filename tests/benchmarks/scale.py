"""Does an event cost the same with more leads, over more partitions, and do two processes do twice the work?"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple

import msgspec
from confluent_kafka.admin import AdminClient

from schemas.topics import EVENTS, TOUCHPOINTS
from streams.engine.offsets import committed, ends
from tests.benchmarks import load
from tests.benchmarks.engines import OURS, PATIENCE_S, Spent, command, running
from tests.benchmarks.flow import Sent
from tests.benchmarks.held import held
from tests.benchmarks.population import fill, page_views
from tests.pipeline import PARTITIONS, QUIET, ROOT, fresh_topics, until

FEW_LEADS, MANY_LEADS = 10_000, 1_000_000
FEW_PARTITIONS, MANY_PARTITIONS = 1, 64
SHARE = 0.3  # of a core for each process: the broker and two of them then fit on two cores
SETTLED_S = 3.0
PAIRS = 2  # how often few and many are compared, in turn; the better of each counts
MARKERS = 4  # behind the last record lie markers: of each worker that wrote there, and of a round that was undone


class Scaled(NamedTuple):
    """Two measurements of one thing; `ratio` = the larger setting against the smaller."""

    small: float
    large: float

    @property
    def ratio(self) -> float:
        """How the larger compares."""
        return self.large / self.small


def by_leads(bootstrap: str, events: int, many: int = MANY_LEADS) -> tuple[Scaled, float]:
    """Return CPU µs for an event with few and with many leads in state, and the peak MiB with many."""
    few, full = (_known(bootstrap, leads, events) for leads in (FEW_LEADS, many))
    return Scaled(few.cpu_us, full.cpu_us), full.rss_mib


def by_partitions(bootstrap: str, events: int) -> Scaled:
    """Return CPU µs for an event over one partition of each topic, and over many."""
    pairs = [
        [_spread(bootstrap, partitions, events).cpu_us for partitions in (FEW_PARTITIONS, MANY_PARTITIONS)]
        for _ in range(PAIRS)
    ]
    return Scaled(*map(min, zip(*pairs, strict=True)))


def by_processes(bootstrap: str, events: Sequence[Sent]) -> Scaled | None:
    """Return events per second of one process and of two, each held to `SHARE` of a core; None where that is denied."""
    found = [[_together(bootstrap, count, events) for count in (1, 2)] for _ in range(PAIRS)]
    pairs = [[per_s for per_s in pair if per_s is not None] for pair in found]
    return Scaled(*map(max, zip(*pairs, strict=True))) if all(map(all, found)) else None


def _known(bootstrap: str, leads: int, events: int) -> Spent:
    fresh_topics(bootstrap)
    fill(bootstrap, leads)
    load.preload(bootstrap, list(page_views(leads, events)))
    return OURS.measure(bootstrap, events)


def _spread(bootstrap: str, partitions: int, events: int) -> Spent:
    """Measure in a process of its own: how many partitions there are is settled when the tests' modules are loaded."""
    environ = {**os.environ, "LEADSTREAM_TEST_PARTITIONS": str(partitions)}
    line = command("scale", bootstrap, str(events))
    done = subprocess.run(
        line, cwd=ROOT, env=environ, stdout=subprocess.PIPE, check=True, text=True, timeout=PATIENCE_S
    )
    return msgspec.convert(json.loads(done.stdout.splitlines()[-1]), Spent)


def _together(bootstrap: str, count: int, events: Sequence[Sent]) -> float | None:
    """Return how many events per second so many processes do, all being members before the first event comes."""
    fresh_topics(bootstrap)
    with ExitStack() as stack:
        for number in range(count):
            group = stack.enter_context(held(SHARE))
            if group is None:
                return None
            process = stack.enter_context(running(command("ours", bootstrap, "0", f"worker-{number}")))
            group.write_text(str(process.pid))
        until(lambda: _members(bootstrap) == count, timeout_s=120)
        time.sleep(SETTLED_S)
        load.preload(bootstrap, events)
        began = time.monotonic()
        until(lambda: _through(bootstrap), timeout_s=PATIENCE_S, every_s=0.1)
        return len(events) / (time.monotonic() - began)


def _members(bootstrap: str) -> int:
    """Return how many workers own partitions."""
    admin = AdminClient({"bootstrap.servers": bootstrap, **QUIET})
    group = admin.describe_consumer_groups(["leadstream"])["leadstream"].result(10)
    return sum(bool(member.assignment.topic_partitions) for member in group.members)


def _through(bootstrap: str) -> bool:
    """Tell whether all raw events and touchpoints that there are have been committed, but for a handful."""
    kafka = {"bootstrap.servers": bootstrap, **QUIET}
    for topics in (tuple(EVENTS.values()), (TOUCHPOINTS,)):
        spots = [(topic.name, partition) for topic in topics for partition in range(PARTITIONS)]
        done, there = committed(kafka, "leadstream", spots), ends(kafka, spots, stable=False)
        if any(there[spot] - done[spot] > MARKERS for spot in spots):
            return False
    return True


def main(bootstrap: str, events: int) -> None:
    """Measure this engine over as many partitions as the environment says."""
    fresh_topics(bootstrap)
    load.preload(bootstrap, load.make(events))
    sys.stdout.write(json.dumps(msgspec.to_builtins(OURS.measure(bootstrap, events))) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
