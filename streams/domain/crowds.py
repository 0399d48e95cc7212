"""How many forms come from one network or one visitor in an hour, in a row of fixed size.

Misra and Gries, "Finding repeated elements" (1982): of more names than the row has room for, those that come often
stay. A count is never too high, so nobody is accused of what others did; it is too low by at most one for every `ROOM`
forms of the hour.
"""

from msgspec.structs import replace

from schemas.quarantine import Crowd

ROOM = 256
HOUR_S = 3_600.0


def counted(crowd: Crowd | None, name: str, at: float) -> Crowd:
    """Return the crowd with one more form of `name`, received at `at`; of an hour that is over, it is left as it was.

    The time is that of our own clock when the event came: a sender's is the sender's to choose.

    >>> row = counted(counted(None, "n-1", 7_200.0), "n-1", 7_201.0)
    >>> row.hour, row.counts, counted(row, "n-2", 10_800.0).counts
    (2, {'n-1': 2}, {'n-2': 1})
    """
    hour = int(at // HOUR_S)
    if crowd is None or hour > crowd.hour:
        return replace(crowd or Crowd(), hour=hour, counts={name: 1})
    if hour < crowd.hour:
        return crowd
    if name in crowd.counts or len(crowd.counts) < ROOM:
        return replace(crowd, counts={**crowd.counts, name: crowd.counts.get(name, 0) + 1})
    return replace(crowd, counts={it: count - 1 for it, count in crowd.counts.items() if count > 1})


def count(crowd: Crowd | None, name: str) -> int:
    """Return how many forms of `name` are known of."""
    return crowd.counts.get(name, 0) if crowd is not None else 0
