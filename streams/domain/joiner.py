"""Questions wait here for their answers: a lead's snapshots, each until its last bucket has closed.

Pure, and by event time alone: a bucket closes when the watermark passes its end, never because a record came late or
early, so the order in which outcomes arrive changes nothing as long as they arrive before that.
"""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from schemas.records import Pending, Snapshot
from streams.domain.hazards import ENDS_S

MOST = 16  # snapshots of one lead that may wait at a time; more are not asked


class Closed(NamedTuple):
    """What became of a snapshot in one bucket: an example, weighing 1/√n if it is its lead's n-th snapshot."""

    snapshot: Snapshot
    bucket: int
    label: int
    weight: float
    at: float


def ask(pending: Pending, snapshot: Snapshot) -> Pending:
    """Return what is pending with one more snapshot, numbered; unchanged when the lead has converted or asks much."""
    if len(pending.snapshots) >= MOST or (pending.converted_at and pending.converted_at <= snapshot.asked_at):
        return pending
    number = pending.asked + 1
    return replace(pending, asked=number, snapshots=[*pending.snapshots, replace(snapshot, number=number)])


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
    """Return what is still pending, and what the buckets that the watermark has passed teach; in order of closing."""
    kept: list[Snapshot] = []
    found: list[Closed] = []
    for snapshot in pending.snapshots:
        left: Snapshot | None = snapshot
        while left is not None and left.asked_at + ends[left.closed] <= watermark:
            bucket, at = left.closed, left.asked_at + ends[left.closed]
            label = int(0.0 < pending.converted_at <= at)
            found.append(Closed(left, bucket, label, left.number**-0.5, at))
            left = None if label or bucket + 1 == len(ends) else replace(left, closed=bucket + 1)
        if left is not None:
            kept.append(left)
    if not found:
        return pending, found
    found.sort(key=lambda it: (it.at, it.snapshot.number))
    return replace(pending, snapshots=kept), found


def due(pending: Pending, ends: Sequence[float] = ENDS_S) -> float | None:
    """Return when the next bucket closes; None when nothing waits."""
    return min((it.asked_at + ends[it.closed] for it in pending.snapshots), default=None)


def _opened(snapshot: Snapshot, ends: Sequence[float]) -> float:
    """Return when the bucket began that a snapshot is in."""
    return snapshot.asked_at + (ends[snapshot.closed - 1] if snapshot.closed else 0.0)


def withdraw(pending: Pending) -> Pending:
    """Return what is pending once the person has gone, or turned out to be another: nothing more is learned of them."""
    return replace(pending, snapshots=[])
