"""How long events took, by what the log says: from the collector's receipt until what came of it was handed to Kafka.

What came of a touchpoint goes out with its round, and so does the round's audit, whose timestamp is taken here.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from schemas.records import Audit, Touchpoint
from schemas.topics import AUDIT, TOUCHPOINTS
from tests.chaos.checks import readable
from tests.reference import Log

Done = tuple[int, float]  # an audit's last offset, and when it was written


class Took(NamedTuple):
    """A touchpoint: when its event arrived (s, UTC), how long it took (s), its id, and on which partition it lay."""

    arrived: float
    seconds: float
    id: str
    partition: int


def times(log: Log) -> list[Took]:
    """Return what every touchpoint took, as often as it was read."""
    rounds: defaultdict[int, list[Done]] = defaultdict(list)
    for one in log[AUDIT.name]:
        audit = one.record
        assert isinstance(audit, Audit)
        if audit.topic == TOUCHPOINTS.name:
            rounds[audit.partition].append((audit.last_offset, one.at))
    for done in rounds.values():
        done.sort()
    found = []
    for one, record in readable(log, TOUCHPOINTS):
        done = rounds[one.partition]
        place = bisect_left(done, (one.offset, 0.0))
        if isinstance(record, Touchpoint) and place < len(done):
            found.append(Took(record.received_at, done[place][1] - record.received_at, record.id, one.partition))
    return found


def p99(found: Iterable[Took]) -> float:
    """Return what 99 in 100 took at most (s); 0.0 for none.

    >>> p99([Took(0.0, float(n), "", 0) for n in range(1, 201)])
    198.0
    """
    ranked = sorted(one.seconds for one in found)
    return ranked[max(0, -(-99 * len(ranked) // 100) - 1)] if ranked else 0.0
