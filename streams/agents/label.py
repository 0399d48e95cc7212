"""label: a lead's scores wait here for what becomes of them, and turn into training examples bucket by bucket.

Event time decides, and nothing else: a bucket closes when the partition's time, less what outcomes may be late by, has
passed its end. A partition that hears nothing is told of the others' time, so that it does not stand still.
"""

from collections.abc import Sequence
from functools import reduce
from hashlib import blake2b
from typing import cast

from msgspec.structs import replace

from schemas.keys import partition_of
from schemas.learning import Clock, Pending, TrainingExample, Withdrawal
from schemas.records import Outcome, Record
from schemas.step import Agent, Alarm, Applied, States
from schemas.topics import CLOCKS, PENDING, QUESTIONS, TRAINING_EXAMPLES, Emit
from streams.domain import joiner
from streams.domain.hazards import DAY_S, ENDS_S
from streams.domain.joiner import Closed

CLOCK = "clock"
LATE_S = DAY_S
TICKS = 24  # in the first bucket: how often the others are told the time
Told = Pending | Outcome | Withdrawal | Clock


def make_label(ends: Sequence[float] = ENDS_S, late_s: float = LATE_S, partitions: int = 1) -> Agent:
    """Return the agent. `ends` are where buckets end, seconds after the question; outcomes may be `late_s` late."""
    doors = _doors(partitions)

    def step(states: States, record: Record) -> Applied:
        pending, clock = cast("Pending | None", states[0]), cast("Clock | None", states[1]) or Clock(key=CLOCK)
        told = cast("Told", record)
        (after,), emits, fate = hear(pending, told, ends, clock.at - late_s)
        clock, ticks = _advanced(clock, told, partition_of(_key(told).encode(), partitions), doors, ends[0] / TICKS)
        return Applied((after, clock), (*emits, *ticks), fate)

    def ring(states: States) -> Applied:
        pending, clock = cast("Pending", states[0]), cast("Clock", states[1])
        after, found = joiner.close(pending, clock.at - late_s, ends)
        gone = not after.snapshots and joiner.forgotten(after, ends) <= clock.at - late_s
        emits = (Emit(TRAINING_EXAMPLES, pending.lead_id, _example(pending.lead_id, it, len(ends))) for it in found)
        return Applied((None if gone else after, clock), tuple(emits), "closed")

    def due(row: Record) -> float:
        pending = cast("Pending", row)
        at = joiner.due(pending, ends)
        return joiner.forgotten(pending, ends) if at is None else at

    def now(states: States) -> float:
        return cast("Clock", states[1]).at - late_s

    alarm = Alarm(due, now, ring)
    return Agent(
        "label", (QUESTIONS,), (PENDING, CLOCKS), lambda it: (_key(cast("Told", it)), CLOCK), step, alarm=alarm
    )


def hear(pending: Pending | None, told: Told, ends: Sequence[float], watermark: float) -> Applied:
    """Return what waits after a record, and what it sends; by itself it closes nothing."""
    match told:
        case Clock():
            return Applied((pending,), (), "ticked")
        case Withdrawal():
            return _withdraw(pending, told)
        case Outcome():
            if pending is None:
                return Applied((None,), (), "late")
            after, in_time = joiner.answer(pending, told.occurred_at, ends)
            return Applied((after,), (), "answered" if in_time else "late")
        case Pending():
            return _ask(pending or Pending(lead_id=told.lead_id), told, ends, watermark)


def _ask(pending: Pending, told: Pending, ends: Sequence[float], watermark: float) -> Applied:
    """Let snapshots wait: new ones, or those of a lead that has been absorbed."""
    fresh = [it for it in told.snapshots if it.closed or it.asked_at + ends[0] > watermark]
    after = reduce(joiner.ask, fresh, pending)
    if told.converted_at:
        after, _ = joiner.answer(after, told.converted_at, ends)
    if after == pending and not pending.asked:
        return Applied((None,), (), "not_asked")
    return Applied((after,), (), "asked" if after.asked > pending.asked else "not_asked")


def _withdraw(pending: Pending | None, told: Withdrawal) -> Applied:
    if pending is None or not told.into:
        return Applied((None,), (), "withdrawn")
    return Applied((None,), (Emit(QUESTIONS, told.into, replace(pending, lead_id=told.into)),), "moved")


def _key(told: Told) -> str:
    return told.key if isinstance(told, Clock) else told.lead_id


def _time(told: Told) -> float:
    """Return the event time that a record shows: of questions, that of the newest."""
    match told:
        case Pending():
            return max((it.asked_at for it in told.snapshots), default=0.0)
        case Outcome():
            return told.occurred_at
        case Clock() | Withdrawal():
            return told.at


def _advanced(
    clock: Clock, told: Told, here: int, doors: Sequence[str], every_s: float
) -> tuple[Clock, tuple[Emit, ...]]:
    """Return the clock after a record, and ticks for the other partitions when they have not heard of that time."""
    at, heard = max(clock.at, _time(told)), clock.told
    if isinstance(told, Clock):
        heard = max(heard, told.at)
    mark = at // every_s * every_s
    if mark <= heard:
        return (clock if (at, heard) == (clock.at, clock.told) else replace(clock, at=at, told=heard)), ()
    ticks = (Emit(QUESTIONS, door, Clock(key=door, at=mark)) for n, door in enumerate(doors) if n != here)
    return replace(clock, at=at, told=mark), tuple(ticks)


def _doors(partitions: int) -> list[str]:
    """Return a key that leads to each partition.

    >>> [partition_of(key.encode(), 4) for key in _doors(4)]
    [0, 1, 2, 3]
    """
    found: dict[int, str] = {}
    number = 0
    while len(found) < partitions:
        found.setdefault(partition_of(f"t-{number}".encode(), partitions), f"t-{number}")
        number += 1
    return [found[partition] for partition in range(partitions)]


def _example(lead_id: str, it: Closed, buckets: int) -> TrainingExample:
    snapshot = it.snapshot
    name = "\n".join((lead_id, str(snapshot.number), repr(snapshot.asked_at), str(it.bucket)))
    return TrainingExample(
        id=blake2b(name.encode(), digest_size=16).hexdigest(),
        lead_id=lead_id,
        features=snapshot.features if it.bucket < buckets else {},
        label=it.label,
        score=snapshot.score,
        model_version=snapshot.model_version,
        scored_at=snapshot.asked_at,
        labelled_at=it.at,
        weight=it.weight,
        bucket=it.bucket,
        buckets=buckets,
        scores=snapshot.scores,
    )
