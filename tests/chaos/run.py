"""One row from beginning to end: a fresh pipeline, load, faults, healing, and what is left counted."""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from schemas.topics import EVENTS, LEADS_PROFILES, PROBES, QUESTIONS, TOPICS, TOUCHPOINTS, TRAINING_EXAMPLES, VISITORS
from streams.engine.offsets import Kafka, Place, committed, ends
from tests.benchmarks.leads import rows, sample, write
from tests.chaos.case import Case
from tests.chaos.cluster import Cluster
from tests.chaos.collectors import Collectors
from tests.chaos.keeper import Keeper
from tests.chaos.ledger import Ledger
from tests.chaos.neighbours import NEIGHBOURS, Relay, View
from tests.chaos.outcome import MARKERS, Run, outcome
from tests.chaos.progress import Progress
from tests.chaos.report import Row
from tests.chaos.schedule import play
from tests.chaos.subjects import Subject
from tests.chaos.workload import Load, traffic
from tests.chaos.world import World
from tests.pipeline import PARTITIONS, QUIET, fresh_topics
from tests.reference import Log, everything

DRAIN_S = 180.0
TICK_S = 0.1
USUAL_S = 2.0  # input that waits less long than this is nothing unusual


async def run(case: Case, subject: Subject, cluster: Cluster, folder: Path, say: Callable[[str], None]) -> Row:
    """Return what became of the row. The cluster is left as it was found."""
    await asyncio.to_thread(fresh_topics, cluster.bootstrap, 3)
    seeded = await asyncio.to_thread(_seed, cluster.bootstrap, case.leads)
    collectors = Collectors(cluster.bootstrap, folder)
    told = {"WORKER_STANDBY": case.standby, "WORKER_STATIC": case.static}
    workers = Keeper(subject, cluster.door, folder, case.workers, case.state, told=told)
    ledger = Ledger(folder / "ledger.jsonl")
    load = Load(traffic(case.seed, case.events), collectors, ledger, case.over_s)
    progress = Progress(cluster.bootstrap, subject.group)
    beside: dict[str, View | Relay] = {name: NEIGHBOURS[name](cluster.bootstrap, folder) for name in case.beside}
    rng = random.Random(f"{case.seed}/{case.row}")
    world = World(cluster, workers, collectors, load, ledger, progress, beside, rng, say)
    tending = asyncio.create_task(workers.tend())
    await load.open()
    try:
        await asyncio.gather(collectors.start(), *(neighbour.start() for neighbour in beside.values()))
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
        patience_s = max(DRAIN_S, case.checks.recovery_s)
        await _until(lambda: progress.caught_up_after(healed, usual) is not None, patience_s)
        load.rush()
        await sending
        log, drained = await _drained(cluster, subject, progress)
        unhealed = [] if drained else [f"not drained within {DRAIN_S:.0f} s"]
        unhealed += await _followed(beside, log, healed + case.checks.beside_s)
    finally:
        tending.cancel()
        await load.close()
        await cluster.mend()
        await workers.stop()
        collectors.stop()
        await asyncio.gather(*(neighbour.stop() for neighbour in beside.values()))
        progress.stop()
    say(f"drained; {sum(map(len, log.values()))} records are being checked")
    recovery_s = progress.caught_up_after(healed, usual)
    left = Run(case, world, progress, ledger.close(), log, recovery_s, tuple(unhealed), seeded)
    return await asyncio.to_thread(outcome, left)


def _seed(bootstrap: str, leads: int) -> dict[Place, int]:
    """Write the changelogs of so many leads; return where they end."""
    if not leads:
        return {}
    write(bootstrap, rows(sample(), leads))
    spots = [(topic.name, partition) for topic in (LEADS_PROFILES, VISITORS) for partition in range(PARTITIONS)]
    return ends({"bootstrap.servers": bootstrap, **QUIET}, spots, stable=True)


async def _followed(beside: Mapping[str, View | Relay], log: Log, deadline: float) -> list[str]:
    """Wait until whoever stands beside has all that the log has; say who had not by then, or has it twice."""
    failed = []
    for name, neighbour in beside.items():
        missing = await asyncio.to_thread(neighbour.missing, log)
        while missing and time.monotonic() < deadline:
            await asyncio.sleep(1.0)
            missing = await asyncio.to_thread(neighbour.missing, log)
        failed += [f"the {name} lacks {missing} leads"] if missing else []
        failed += [f"the {name} did {twice} things twice"] if (twice := neighbour.doubled()) else []
    return failed


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
    topics = (*EVENTS.values(), TOUCHPOINTS, QUESTIONS, TRAINING_EXAMPLES)
    spots = [(it.name, partition) for it in topics for partition in range(it.partitions or PARTITIONS)]
    done = committed({"bootstrap.servers": bootstrap, **QUIET}, group, spots)
    return all(one.offset < done[topic.name, one.partition] for topic in topics for one in log[topic.name])


async def _until(check: Callable[[], bool], timeout_s: float) -> None:
    """Return once `check` holds, or when the time is over: the checks will tell."""
    for _ in range(int(timeout_s / TICK_S)):
        if check():
            return
        await asyncio.sleep(TICK_S)
