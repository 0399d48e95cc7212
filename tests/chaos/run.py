"""One row from beginning to end: a fresh pipeline, load, faults, healing, and what is left counted."""

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path

from schemas.topics import EVENTS, PROBES, TOPICS, TOUCHPOINTS, TRAINING_EXAMPLES
from streams.engine.offsets import Kafka, committed, ends
from tests.chaos import conduct
from tests.chaos.case import Case
from tests.chaos.checks import Verdict, judge
from tests.chaos.cluster import Cluster
from tests.chaos.collectors import Collectors
from tests.chaos.keeper import Keeper
from tests.chaos.ledger import Books, Ledger
from tests.chaos.progress import PLACES, Progress
from tests.chaos.report import Row
from tests.chaos.schedule import play
from tests.chaos.subjects import Subject
from tests.chaos.workload import Load, traffic
from tests.chaos.world import World
from tests.pipeline import PARTITIONS, QUIET, fresh_topics
from tests.reference import Log, everything

DRAIN_S = 180.0
MARKERS = len(PLACES)  # a transaction's marker may lie at the end of each partition
TICK_S = 0.1
USUAL_S = 2.0  # input that waits less long than this is nothing unusual


async def run(case: Case, subject: Subject, cluster: Cluster, folder: Path, say: Callable[[str], None]) -> Row:
    """Return what became of the row. The cluster is left as it was found."""
    await asyncio.to_thread(fresh_topics, cluster.bootstrap, 3)
    collectors = Collectors(cluster.bootstrap, folder)
    workers = Keeper(subject, cluster.door, folder, case.workers, case.state)
    world = World(cluster, workers, collectors, random.Random(f"{case.seed}/{case.row}"), say)
    progress = Progress(cluster.bootstrap, subject.group)
    ledger = Ledger(folder / "ledger.jsonl")
    load = Load(traffic(case.seed, case.events), collectors, ledger, case.over_s)
    tending = asyncio.create_task(workers.tend())
    try:
        await collectors.start()
        for worker in workers.workers.values():
            worker.start()
        progress.start()
        sending = asyncio.create_task(load.run())
        await _until(lambda: bool(progress.sights) and progress.sights[-1].done > 0, 60)
        began = time.monotonic()
        await play(case, world)
        usual = max(int(USUAL_S * case.events / case.over_s), 2 * MARKERS)
        healed = time.monotonic()
        say(f"faults over after {healed - began:.0f} s, {load.sent} events sent, {progress.lag} records wait")
        await _until(lambda: progress.caught_up_after(healed, usual) is not None, DRAIN_S)
        load.rush()
        await sending
        log, drained = await _drained(cluster, subject, progress)
    finally:
        tending.cancel()
        await cluster.mend()
        await workers.stop()
        collectors.stop()
        progress.stop()
    say(f"drained; {sum(map(len, log.values()))} records are being checked")
    recovery_s = progress.caught_up_after(healed, usual)
    books, checks = ledger.close(), case.checks
    verdict = await asyncio.to_thread(judge, subject.told(log), books, audited=subject.audits)
    unfenced, notes = await asyncio.to_thread(conduct.fencing, checks, world, cluster.bootstrap, log)
    failures = [
        *([] if drained else [f"not drained within {DRAIN_S:.0f} s"]),
        *conduct.substance(books, log),
        *conduct.recovery(checks, recovery_s),
        *conduct.progress(checks, world, progress),
        *conduct.refusals(checks, world, books),
        *conduct.burials(checks, world, log),
        *conduct.exits(checks, workers.ends),
        *unfenced,
    ]
    notes.append(f"longest stall {progress.longest_stall(2 * MARKERS):.1f} s")
    return _row(case, world, books, verdict, recovery_s=recovery_s, failures=failures, notes=notes)


def _row(
    case: Case,
    world: World,
    books: Books,
    verdict: Verdict,
    *,
    recovery_s: float | None,
    failures: list[str],
    notes: list[str],
) -> Row:
    """Return the row; it has passed when nothing was found and nothing failed."""
    ends = {code: count for code, count in sorted(world.workers.ends.items()) if code != 0}
    events = books.accepted.total()
    return Row(
        row=case.row,
        subject=world.workers.subject.name,
        events=events,
        faults=len(world.troubles),
        lost=verdict.lost,
        doubled=verdict.doubled,
        regressions=verdict.regressions,
        recovery_s=None if recovery_s is None else round(recovery_s, 1),
        bound=3 / events if events else 1.0,
        passed=not (failures or verdict.lost or verdict.doubled or verdict.regressions),
        title=case.title,
        notes=(*failures, *verdict.notes, *notes, f"exits {ends}"),
    )


async def _drained(cluster: Cluster, subject: Subject, progress: Progress) -> tuple[Log, bool]:
    """Return all that lies in the log, once everything in it has been taken; and whether that came about."""
    deadline = time.monotonic() + DRAIN_S
    while time.monotonic() < deadline:
        lag = progress.lag
        if lag is not None and lag <= MARKERS:
            log = await asyncio.to_thread(_settled, cluster.bootstrap, subject.group)
            if log is not None:
                return log, True
        await asyncio.sleep(0.5)
    return await asyncio.to_thread(everything, cluster.bootstrap), False


def _settled(bootstrap: str, group: str) -> Log | None:
    """Return what lies in the log, if all of it has been taken and nothing was added while it was read."""
    spots = [(topic.name, partition) for topic in TOPICS for partition in range(topic.partitions or PARTITIONS)]
    kafka: Kafka = {"bootstrap.servers": bootstrap, **QUIET}
    before = {spot: end for spot, end in ends(kafka, spots, stable=False).items() if spot[0] != PROBES.name}
    log = everything(bootstrap)
    after = ends(kafka, before, stable=False)
    return log if before == after and _taken(bootstrap, group, log) else None


def _taken(bootstrap: str, group: str, log: Log) -> bool:
    """Tell whether the group has committed past the last record of each of its inputs."""
    topics = (*EVENTS.values(), TOUCHPOINTS, TRAINING_EXAMPLES)
    spots = [(it.name, partition) for it in topics for partition in range(it.partitions or PARTITIONS)]
    done = committed({"bootstrap.servers": bootstrap, **QUIET}, group, spots)
    return all(one.offset < done[topic.name, one.partition] for topic in topics for one in log[topic.name])


async def _until(check: Callable[[], bool], timeout_s: float) -> None:
    """Return once `check` holds, or when the time is over: the checks will tell."""
    for _ in range(int(timeout_s / TICK_S)):
        if check():
            return
        await asyncio.sleep(TICK_S)
