"""Questions wait here for their answers: a lead's snapshots, each until its last bucket has closed.

Pure, and by event time alone: a bucket closes when the watermark passes its end, never because a record came late or
early, so the order in which outcomes arrive changes nothing as long as they arrive before that.
"""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from schemas.learning import Pending, Snapshot
from streams.domain.hazards import ENDS_S

MOST = 16  # snapshots of one lead that may wait at a time; more are not asked
MOST_BYTES = 32_768  # and what they may take
FORGET = 2.0  # horizons after its last question, at which a lead's row goes


class Closed(NamedTuple):
    """What became of a snapshot in one bucket: an example, weighing 1/√n if it is its lead's n-th snapshot.

    A bucket past the last is the verdict, at the horizon: whether it converted in any.
    """

    snapshot: Snapshot
    bucket: int
    label: int
    weight: float
    at: float


def ask(pending: Pending, snapshot: Snapshot) -> Pending:
    """Return what is pending with one more snapshot, numbered; unchanged when the lead has converted or asks much."""
    if len(pending.snapshots) >= MOST or (pending.converted_at and pending.converted_at <= snapshot.asked_at):
        return pending
    if size(snapshot) + sum(map(size, pending.snapshots)) > MOST_BYTES:
        return pending
    number, last = pending.asked + 1, max(pending.asked_last, snapshot.asked_at)
    snapshots = [*pending.snapshots, replace(snapshot, number=number)]
    return replace(pending, asked=number, asked_last=last, snapshots=snapshots)


def answer(pending: Pending, converted_at: float, ends: Sequence[float] = ENDS_S) -> tuple[Pending, bool]:
    """Return what is pending once the lead is known to have converted, and whether that came in time to be learned.

    The earliest conversion counts. Dropped are snapshots made after it, and those whose bucket had closed without it:
    what was learned of them stays.
    """
    if pending.converted_at and pending.converted_at <= converted_at:
        return pending, True
    kept = [it for it in pending.snapshots if _opened(it, ends) < converted_at]
    in_time = any(converted_at <= it.asked_at + ends[-1] for it in kept)
    return replace(pending, converted_at=converted_at, snapshots=kept), in_time


def close(pending: Pending, watermark: float, ends: Sequence[float] = ENDS_S) -> tuple[Pending, list[Closed]]:
    """Return what is still pending, and what the buckets that the watermark has passed teach; in order of closing.

    Who converts is judged at the horizon like who does not: a verdict that came earlier would be of younger scores.
    """
    kept: list[Snapshot] = []
    found: list[Closed] = []
    for snapshot in pending.snapshots:
        left: Snapshot | None = snapshot
        while left is not None and (at := _closes(left, ends)) <= watermark:
            label = int(0.0 < pending.converted_at <= at)
            found.append(Closed(left, left.closed, label, left.number**-0.5, at))
            left = _after(left, label, ends)
        if left is not None:
            kept.append(left)
    if not found:
        return pending, found
    found.sort(key=lambda it: (it.at, it.snapshot.number, it.bucket))
    return replace(pending, snapshots=kept), found


def due(pending: Pending, ends: Sequence[float] = ENDS_S) -> float | None:
    """Return when the next bucket closes, or a verdict is due; None when nothing waits."""
    return min((_closes(it, ends) for it in pending.snapshots), default=None)


def forgotten(pending: Pending, ends: Sequence[float] = ENDS_S) -> float:
    """Return when a lead of whom nothing waits need not be remembered any more."""
    return pending.asked_last + FORGET * ends[-1]


def size(snapshot: Snapshot) -> int:
    """Return about how many bytes a snapshot takes."""
    return 64 + sum([len(name) + 10 for name in snapshot.features])


def _closes(snapshot: Snapshot, ends: Sequence[float]) -> float:
    """Return when the bucket ends that a snapshot is in, or the horizon, when all are behind it."""
    return snapshot.asked_at + ends[min(snapshot.closed, len(ends) - 1)]


def _after(snapshot: Snapshot, label: int, ends: Sequence[float]) -> Snapshot | None:
    """Return what waits once a bucket has closed; of who has converted, only the verdict, for which scores suffice."""
    last = len(ends)
    if last in (snapshot.closed, 1):
        return None
    if label or snapshot.closed + 1 == last:
        return replace(snapshot, features={}, closed=last)
    return replace(snapshot, closed=snapshot.closed + 1)


def _opened(snapshot: Snapshot, ends: Sequence[float]) -> float:
    """Return when the bucket began that a snapshot is in; of who has converted, when they were asked."""
    return snapshot.asked_at + (ends[snapshot.closed - 1] if 0 < snapshot.closed < len(ends) else 0.0)


def withdraw(pending: Pending) -> Pending:
    """Return what is pending once the person has gone, or turned out to be another: nothing more is learned of them."""
    return replace(pending, snapshots=[])
