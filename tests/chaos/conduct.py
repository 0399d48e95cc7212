"""How all bore up while faults lasted: recovery, progress, honest refusals, fencing. Says in words what failed."""

import re
import time
from collections import Counter
from datetime import datetime

from schemas.topics import AUDIT, LEADS_PROFILES, LEADS_ROUTED, TOUCHPOINTS, VISITORS
from streams.engine.exits import Exit
from tests.chaos.case import Checks
from tests.chaos.ledger import UNANSWERED, Books
from tests.chaos.progress import Progress
from tests.chaos.world import Trouble, World
from tests.pipeline import landed
from tests.reference import Log

GRACE_S = 1.0  # what was asked just before a fault may still be thanked for
CAME = re.compile(r"^(\S+) .*: own partitions ", re.MULTILINE)
ANSWER_S = 6.0  # the collector's own deadline, and a little


def substance(books: Books, log: Log) -> list[str]:
    """There was something to lose: events were accepted, and leads came of them."""
    found = {
        "no event was accepted": books.accepted.total(),
        "no touchpoint came of anything": len(log[TOUCHPOINTS.name]),
    }
    return [words for words, count in found.items() if not count]


def recovery(checks: Checks, recovery_s: float | None) -> list[str]:
    """I7: input waits no longer than usual soon after the last fault."""
    if recovery_s is not None and recovery_s <= checks.recovery_s:
        return []
    return [f"recovery took longer than {checks.recovery_s:g} s"]


def progress(checks: Checks, world: World, seen: Progress) -> list[str]:
    """I6: records are committed while a fault lasts."""
    if not checks.progress:
        return []
    found = [(it.name, seen.between(it.began, it.ended)) for it in world.troubles]
    return [f"{name}: {rate:.0f} records in 10 s of it" for name, rate in found if rate < checks.progress]


def refusals(checks: Checks, world: World, books: Books) -> list[str]:
    """Below the number of nodes that must agree nothing is thanked for: 503, in time, with a Retry-After."""
    if not checks.refuses:
        return []
    met = [answer for answer in books.answers if any(_within(answer.asked, answer.at, it) for it in world.outages)]
    told = [answer for answer in met if answer.status >= 500]
    faults = {
        "thanked for while nothing could be kept": sum(200 <= answer.status < 300 for answer in met),
        "not answered at all": sum(answer.status == UNANSWERED for answer in met),
        "without Retry-After": sum(not answer.hold for answer in told),
        f"answered later than {ANSWER_S:g} s": sum(answer.at - answer.asked > ANSWER_S for answer in told),
    }
    failed = [f"{count} requests {what}" for what, count in faults.items() if count]
    return failed if told else [*failed, "nobody was told to come again later"]


def fencing(checks: Checks, world: World, bootstrap: str, log: Log) -> tuple[list[str], list[str]]:
    """Fencing shows: a worker was refused, and writes of aborted transactions lie in the log, invisible.

    Returns what failed, and notes.
    """
    if not checks.fenced:
        return [], []
    hidden = sum(
        len(landed(bootstrap, topic, committed=False)) - len(log[topic.name])
        for topic in (TOUCHPOINTS, VISITORS, LEADS_PROFILES, LEADS_ROUTED, AUDIT)
    )
    refused = world.workers.ends[Exit.FENCED]
    notes = [f"{refused} workers found themselves fenced; {hidden} records of aborted transactions, none visible"]
    failed = [] if refused else ["no worker was ever fenced"]
    return failed if hidden else [*failed, "no transaction was ever aborted"], notes


def exits(checks: Checks, ends: Counter[int]) -> list[str]:
    """Workers end as they should: not at all, or with a certain code."""
    odd = {code: count for code, count in ends.items() if code != 0}
    failed = [f"workers ended: {odd}"] if checks.steady and odd else []
    return (
        [*failed, f"no worker ended with {checks.exit_code}"]
        if ends[checks.exit_code] == 0 < checks.exit_code
        else failed
    )


def stillness(checks: Checks, world: World) -> list[str]:
    """A static member that comes back in time finds its partitions as it left them, and no other has noticed."""
    if not checks.still:
        return []
    first = min(it.began for it in world.troubles) + time.time() - time.monotonic()
    came = sum(_owned(worker.log.read_text(), first) for worker in world.workers.workers.values())
    again = sum(len(worker.lives) - 1 for worker in world.workers.workers.values())
    return [f"partitions came to a worker {came} times, and {again} were started again"] if came > again else []


def _owned(said: str, since: float) -> int:
    """Return how often a log tells of partitions that have come, from this moment on (seconds since the epoch)."""
    return sum(datetime.fromisoformat(at).timestamp() >= since for at in CAME.findall(said))


def _within(asked: float, at: float, outage: Trouble) -> bool:
    return asked > outage.began + GRACE_S and at < outage.ended
