"""Whether committed offsets move while there is something to commit: kept between looks, told by what is seen only."""

STALLED_S = 30.0  # a group that has records due and commits none for so long has stalled


class Progress:
    """Remembers when each partition's committed offset was last seen to move. Times are seconds, of any one clock."""

    def __init__(self) -> None:
        self._moved: dict[tuple[str, int], tuple[int, float]] = {}

    def note(self, spot: tuple[str, int], committed: int, due: bool, now: float) -> float:
        """Take in one look at a partition; return for how long its offset has stood still with records due, else 0.

        >>> progress = Progress()
        >>> [progress.note(("t", 0), 5, True, now) for now in (0.0, 40.0)], progress.note(("t", 0), 6, True, 41.0)
        ([0.0, 40.0], 0.0)
        """
        before, since = self._moved.get(spot, (committed, now))
        if committed != before or not due:
            since = now
        self._moved[spot] = (committed, since)
        return now - since
