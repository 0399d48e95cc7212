"""Whose turn it is: smooth weighted round-robin with a daily cap, a pure step over a roster.

At each turn every owner who can take a lead gains their weight. Of those whose share has begun, the one whose share
falls due first takes the lead, and pays the sum of the weights. So nobody is ever a whole lead away from their share
(choosing the largest share instead, as nginx does, is up to 1.2 away with eight owners).
"""

from typing import NamedTuple

from schemas.records import Candidate, Roster, Seat

DAY_S = 86_400


class Owner(NamedTuple):
    """Someone who takes leads: a share of `weight`, at most `cap` on one UTC day (None = as many as come)."""

    name: str
    weight: int = 1
    cap: int | None = None


class Turn(NamedTuple):
    """What came of a turn: the roster after it, the owner ("" = all at their caps), and why not each of the others."""

    roster: Roster
    owner: str
    candidates: list[Candidate]


def take_turn(roster: Roster, owners: tuple[Owner, ...], at: float) -> Turn:
    """Choose the owner of one lead. `at` is the event's time; a day never begins twice, so late events count today."""
    day = max(roster.day, int(at // DAY_S))
    seats = {seat.owner: seat for seat in roster.seats}
    before = [seats.get(owner.name) or Seat(owner=owner.name) for owner in owners]
    taken = [seat.taken if roster.day == day else 0 for seat in before]
    excluded = [_excluded(owner, count) for owner, count in zip(owners, taken, strict=True)]
    free = [i for i, why in enumerate(excluded) if not why]
    current = [seat.current for seat in before]
    for i in free:
        current[i] += owners[i].weight
    total = sum(owners[i].weight for i in free)
    chosen = min(
        free, key=lambda i: (current[i] <= 0, (total - current[i]) / owners[i].weight, -current[i]), default=-1
    )
    if chosen >= 0:
        current[chosen] -= total
        taken[chosen] += 1
    seated = [Seat(owner=o.name, current=c, taken=t) for o, c, t in zip(owners, current, taken, strict=True)]
    candidates = [
        Candidate(owner=owner.name, excluded="" if i == chosen else excluded[i] or "another's turn")
        for i, owner in enumerate(owners)
    ]
    winner = owners[chosen].name if chosen >= 0 else ""
    return Turn(Roster(pool=roster.pool, day=day, seats=seated), winner, candidates)


def _excluded(owner: Owner, taken: int) -> str:
    if owner.weight <= 0:
        return "has no share"
    return f"at the daily cap of {owner.cap}" if owner.cap is not None and taken >= owner.cap else ""


def share(cap: int, partition: int, partitions: int) -> int:
    """Return one partition's share of a daily cap: the shares of all partitions sum to the cap.

    >>> [share(10, partition, 4) for partition in range(4)]
    [3, 3, 2, 2]
    """
    return cap // partitions + (partition < cap % partitions)
