"""What others felt of a fault: how long they waited, how often they were turned away, what workers weighed."""

import time
from collections.abc import Iterator
from typing import NamedTuple

from streams.agents.resolve import digest_of
from tests.chaos.case import Checks
from tests.chaos.latency import Took, p99, times
from tests.chaos.ledger import UNANSWERED, Books
from tests.chaos.world import Trouble, World
from tests.reference import Log

QUIET_S = 20.0  # of the calm before the first fault, at least, is what others are compared with
WARM_S = 20.0  # after which what a pipeline takes that has just been started is left out of it
FEW = 50  # fewer events say nothing of one in a hundred
SOURCE = "segment"  # of the hot lead's events


class Waits(NamedTuple):
    """What 99 in 100 took at most (s), before the first fault and in one: of bystanders, and of the rest."""

    fault: str
    before: float
    bystanders: float
    befallen: float
    few: bool


def waiting(checks: Checks, world: World, log: Log) -> tuple[list[str], list[str]]:
    """Others wait no longer than `p99_ratio` times what they did, nor `p99_added_s` more. Returns failures; notes."""
    if not (checks.p99_ratio or checks.p99_added_s):
        return [], []
    failed, notes = [], []
    for it in _waits(world, times(log)):
        notes.append(f"p99 {it.before:.2f} s, in {it.fault} {it.bystanders:.2f} s")
        if it.befallen:
            notes[-1] += f", of those it meant {it.befallen:.2f} s"
        if it.few:
            failed.append(f"too few events before or in {it.fault} to tell how long they took")
        if checks.p99_ratio and it.bystanders > checks.p99_ratio * it.before:
            failed.append(f"in {it.fault} others waited {it.bystanders / it.before:.1f} times as long")
        if checks.p99_added_s and it.bystanders > it.before + checks.p99_added_s:
            failed.append(f"in {it.fault} others waited {it.bystanders - it.before:.2f} s longer")
    return failed, notes


def _waits(world: World, took: list[Took]) -> Iterator[Waits]:
    wall = time.time() - time.monotonic()  # what is noted of faults is monotonic
    first = min(it.began for it in world.troubles) + wall
    hot = {digest_of(SOURCE, id_) for id_ in world.hot}
    since = _calm(world, took, first)
    quiet = [one for one in took if since <= one.arrived < first]
    for it in world.troubles:
        inside = [one for one in took if it.began + wall <= one.arrived < it.ended + wall]
        meant = [one for one in inside if one.id in hot or one.partition == it.partition]
        others = [one for one in inside if one.id not in hot and one.partition != it.partition]
        yield Waits(it.name, p99(quiet), p99(others), p99(meant), min(len(quiet), len(others)) < FEW)


def _calm(world: World, took: list[Took], first: float) -> float:
    """Return since when it is calm: as long before the first fault as any lasts. One in a hundred of few is chance."""
    longest = max(it.ended - it.began for it in world.troubles)
    begun = min((one.arrived for one in took), default=first)
    return min(max(first - longest, begun + WARM_S), first - QUIET_S)


def turned_away(checks: Checks, world: World, books: Books) -> list[str]:
    """While faults lasted this share of requests was answered for good: thanked for, or refused with a reason."""
    if not checks.served:
        return []
    inside = [it for it in books.answers if any(_during(it.asked, trouble) for trouble in world.troubles)]
    away = sum(it.status == UNANSWERED or it.status >= 500 or it.status == 429 for it in inside)
    share = 1 - away / len(inside) if inside else 0.0
    return [f"{away} of {len(inside)} requests were turned away"] if share < checks.served else []


def growth(checks: Checks, world: World) -> tuple[list[str], list[str]]:
    """No worker grew by more than `rss_mib` from before the first fault to its most. Returns what failed, and notes."""
    if not checks.rss_mib or not world.troubles:
        return [], []
    began = min(it.began for it in world.troubles)
    before = {it.name: it.mib for it in world.workers.weights if it.at <= began}
    most = max((it.mib - before[it.name] for it in world.workers.weights if it.name in before), default=0.0)
    failed = [f"a worker grew by {most:.0f} MiB"] if most > checks.rss_mib else []
    return failed if before else ["no worker was weighed"], [f"no worker grew by more than {most:.0f} MiB"]


def _during(moment: float, trouble: Trouble) -> bool:
    return trouble.began <= moment <= trouble.ended
