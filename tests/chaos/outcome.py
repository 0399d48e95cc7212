"""What a row came to: the log held against the fold, and how all bore up, as one line of the report."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from streams.engine.offsets import Place
from tests.chaos import buried, conduct, disks, service
from tests.chaos.case import ROCKSDB, Case
from tests.chaos.checks import Verdict, judge, total
from tests.chaos.ledger import Books
from tests.chaos.progress import PLACES, Progress
from tests.chaos.report import Row, version
from tests.chaos.world import World
from tests.reference import Log

MARKERS = len(PLACES)  # a transaction's marker may lie at the end of each partition


class Run(NamedTuple):
    """All that a run has left. `unhealed` says what never came about; `recovery_s` None = it did not recover.

    `seeded` = up to where changelogs held rows before anything was sent.
    """

    case: Case
    world: World
    progress: Progress
    books: Books
    log: Log
    recovery_s: float | None
    unhealed: tuple[str, ...]
    seeded: Mapping[Place, int]


def outcome(run: Run) -> Row:
    """Return the row; it has passed when nothing was found and nothing failed. Takes its time."""
    case, world, books, log = run.case, run.world, run.books, run.log
    subject, checks = world.workers.subject, case.checks
    verdict = judge(subject.told(log), books, audited=subject.audits, seeded=run.seeded)
    if case.state == ROCKSDB and subject.audits:
        verdict = total((verdict, disks.held(world.workers.disk, log)))
    told = (
        conduct.fencing(checks, world, world.cluster.bootstrap, log),
        buried.conflicts(checks, world, log),
        service.growth(checks, world),
        service.waiting(checks, world, log) if subject.audits else ([], []),
    )
    failures = [
        *run.unhealed,
        *conduct.substance(books, log),
        *conduct.recovery(checks, run.recovery_s),
        *conduct.progress(checks, world, run.progress),
        *conduct.refusals(checks, world, books),
        *buried.burials(checks, world, log, books),
        *conduct.exits(checks, world.workers.ends),
        *conduct.stillness(checks, world),
        *service.turned_away(checks, world, books),
        *(failure for failed, _ in told for failure in failed),
    ]
    notes = [note for _, noted in told for note in noted]
    notes.append(f"longest stall {run.progress.longest_stall(2 * MARKERS):.1f} s")
    return _row(run, verdict, failures, notes)


def _row(run: Run, verdict: Verdict, failures: list[str], notes: list[str]) -> Row:
    ends = {code: count for code, count in sorted(run.world.workers.ends.items()) if code != 0}
    events = run.books.accepted.total()
    return Row(
        row=run.case.row,
        subject=run.world.workers.subject.name,
        events=events,
        faults=len(run.world.troubles),
        lost=verdict.lost,
        doubled=verdict.doubled,
        regressions=verdict.regressions,
        recovery_s=None if run.recovery_s is None else round(run.recovery_s, 1),
        bound=3 / events if events else 1.0,
        passed=not (failures or verdict.lost or verdict.doubled or verdict.regressions),
        title=run.case.title,
        notes=(*failures, *verdict.notes, *notes, f"exits {ends}"),
        run=f"{datetime.now(UTC):%Y-%m-%d} {version()}".strip(),
    )
