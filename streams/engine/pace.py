"""How many records a round may take: as many as keep its commit a small part of it, and no more.

When little comes in, a round is what one poll brings: a few records, committed at once. Under pressure the rounds grow:
up to where the commit is `COMMIT_SHARE` of the round, so that a broker that commits quickly gets short rounds, and a
slow one long rounds. A round that was undone comes back at half its size: what took too long, or holds too much, gets
through in the end. A worker begins with small rounds: one that was ended by a round too large for its transaction must
not meet the same one when it comes back.

What nobody waits for goes along every second: as many records as are folded in a moment. What piles up there (labels,
after an outage) then delays leads by a moment at most.
"""

COMMIT_SHARE = 0.05
LATEST = 0.2  # the weight of the latest round in what a record and a commit are taken to cost
ROOM = 0.25  # of the transaction's time, for folding: the rest is the broker's
MOMENT_S, EVERY_S = 0.2, 1.0  # for what nobody waits for, and how often; few at a time would cost a model each
FEW = 16  # such records, however slow


class Pace:
    """Learns from each round what records and commits cost, in seconds.

    `most` bounds the records of a round, `transaction_s` the time that its transaction may be open.
    """

    def __init__(self, most: int, transaction_s: float) -> None:
        self._most, self._room_s = most, ROOM * transaction_s
        self._least = min(most, 100)
        self._record_s = self._commit_s = self._background_s = 0.0
        self._background_at = -EVERY_S
        self._ceiling = self._least

    @property
    def limit(self) -> int:
        """How many records the next round may take, 1 at least.

        >>> pace = Pace(most=4000, transaction_s=15.0)
        >>> pace.limit
        100
        >>> pace.committed(records=100, fold_s=0.01, commit_s=0.01)
        >>> pace.limit
        200
        >>> pace.undone(records=200)
        >>> pace.limit
        100
        """
        if not self._record_s:
            return self._ceiling
        wanted = self._commit_s / COMMIT_SHARE
        fitting = round(min(wanted, self._room_s) / self._record_s)
        least = min(self._least, max(round(self._room_s / self._record_s), 1))
        return min(max(fitting, least), self._ceiling)

    def background(self, now: float, *, alone: bool) -> int:
        """Return how many records that nobody waits for the next round may take of each partition.

        None before it is time again, unless they are `alone` in it. `now` in monotonic seconds.

        >>> pace = Pace(most=4000, transaction_s=15.0)
        >>> pace.committed_behind(records=130, behind=100, behind_s=0.5, now=7.0)
        >>> pace.background(7.5, alone=False), pace.background(7.5, alone=True), pace.background(8.0, alone=False)
        (0, 40, 40)
        """
        if not alone and now < self._background_at + EVERY_S:
            return 0
        fitting = round(MOMENT_S / self._background_s) if self._background_s else FEW
        return min(max(fitting, FEW), self.limit)

    def committed(self, records: int, fold_s: float, commit_s: float) -> None:
        """Count a round that is through, of what somebody waits for."""
        self._record_s = _blend(self._record_s, fold_s / records)
        self._commit_s = _blend(self._commit_s, commit_s)
        self._grow(records)

    def committed_behind(self, records: int, behind: int, behind_s: float, now: float) -> None:
        """Count a round of so many records, `behind` of which nobody waited for: it says what these cost, no more.

        What they made (a model) was encoded and sent with the others. `now` in monotonic seconds.
        """
        self._background_at = now
        self._background_s = _blend(self._background_s, behind_s / behind)
        self._grow(records)

    def undone(self, records: int) -> None:
        """Count a round that was undone."""
        self._ceiling = max(min(records, self._ceiling) // 2, 1)

    def _grow(self, records: int) -> None:
        self._ceiling = min(2 * max(self._ceiling, records), self._most)


def _blend(old: float, latest: float) -> float:
    return latest if not old else old + LATEST * (latest - old)
