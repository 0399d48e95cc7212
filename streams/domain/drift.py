"""Whether what a model meets has changed: by its losses (late, labels being late), and by what comes in (at once).

`Adwin` is the adaptive window of Bifet and Gavaldà (2007): it keeps as many of the latest losses as look alike, in
buckets whose sizes double, and reports when an older part's mean differs from the newer part's by more than chance.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from math import log, sqrt

DELTA = 1e-4  # the chance of a false alarm, at one look
EVERY = 32  # losses between two looks
SAME_SIZE = 5  # buckets of one size, before two of them become one
LEAST = 5  # losses on either side of a cut
DECILES = 10
SEGMENTS = 32


class Adwin:
    """A window over losses. `see` tells whether the mean has risen; a fall shortens the window silently."""

    def __init__(self, kept: Iterable[float] = ()) -> None:
        seen, *flat = kept or (0.0,)
        self._seen = int(seen)
        parts = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
        self._buckets = [(size, total, squares) for size, total, squares in parts]  # oldest first

    def kept(self) -> list[float]:
        """Return everything this window is: what `Adwin(kept)` goes on from."""
        return [float(self._seen), *(number for bucket in self._buckets for number in bucket)]

    def see(self, loss: float) -> bool:
        """Take one loss in; True when losses are now higher than they were."""
        self._seen += 1
        self._buckets.append((1.0, loss, 0.0))
        self._merge()
        risen = False
        if self._seen % EVERY == 0:
            while (cut := self._cut()) is not None:
                risen = risen or cut
                del self._buckets[0]
        return risen

    def _merge(self) -> None:
        buckets, size, end = self._buckets, 1.0, len(self._buckets)
        while True:
            first = end
            while first and buckets[first - 1][0] == size:
                first -= 1
            if end - first <= SAME_SIZE:
                return
            (n, one, of_one), (m, other, of_other) = buckets[first : first + 2]
            apart = one / n - other / m
            buckets[first : first + 2] = [(n + m, one + other, of_one + of_other + apart * apart * n * m / (n + m))]
            size, end = size * 2.0, first + 1

    def _cut(self) -> bool | None:
        """Return whether the newer part is higher, at the first cut where they differ; None when they never do."""
        n = sum(bucket[0] for bucket in self._buckets)
        total = sum(bucket[1] for bucket in self._buckets)
        squares = spread(self._buckets)
        if n < 2 * LEAST:
            return None
        chance = log(2.0 * log(n) / DELTA)
        older = before = 0.0
        for size, part, _ in self._buckets[:-1]:
            older, before = older + size, before + part
            newer = n - older
            if older < LEAST or newer < LEAST:
                continue
            weight = 1.0 / older + 1.0 / newer
            bound = sqrt(2.0 * weight * squares / n * chance) + 2.0 / 3.0 * weight * chance
            rise = (total - before) / newer - before / older
            if abs(rise) > bound:
                return rise > 0.0
        return None


class Watch:
    """A window over all losses, and one for each segment (here: by which door leads come)."""

    def __init__(self, kept: dict[str, list[float]] | None = None) -> None:
        self._windows = {name: Adwin(of) for name, of in (kept or {}).items()}

    def kept(self) -> dict[str, list[float]]:
        """Return everything this is, by segment; "" = all."""
        return {name: window.kept() for name, window in self._windows.items()}

    def see(self, loss: float, segment: str) -> list[str]:
        """Take in one loss of a segment; return where losses now rise: in all (""), in the segment, both or neither."""
        risen = []
        for name in ("", segment) if segment else ("",):
            kept = name in self._windows or len(self._windows) <= SEGMENTS
            if kept and self._windows.setdefault(name, Adwin()).see(loss):
                risen.append(name)
        return risen


def spread(buckets: Sequence[tuple[float, float, float]]) -> float:
    """Return the sum of squares about the mean of all that is in buckets of (size, total, squares about their own).

    >>> spread([(1.0, 1.0, 0.0), (1.0, 3.0, 0.0)])
    2.0
    """
    size = mean = squares = 0.0
    for n, total, within in buckets:
        away = total / n - mean
        squares += within + away * away * size * n / (size + n)
        size += n
        mean += away * n / size
    return squares


def psi(before: Sequence[float], now: Sequence[float]) -> float:
    """Return the population stability index of scores, over the deciles of those before: above 0.25 = other leads.

    >>> psi([0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 0.4])
    0.0
    >>> psi([0.1] * 50 + [0.2] * 50, [0.9] * 100) > 0.25
    True
    """
    if not before or not now:
        return 0.0
    ranked = sorted(before)
    edges = sorted({ranked[len(ranked) * part // DECILES] for part in range(1, DECILES)})
    total = 0.0
    for one, other in zip(_shares(before, edges), _shares(now, edges), strict=True):
        total += (other - one) * log(other / one)
    return total


def _shares(scores: Sequence[float], edges: Sequence[float]) -> list[float]:
    counts = [0.5] * (len(edges) + 1)  # so that none is empty
    for score in scores:
        counts[bisect_right(edges, score)] += 1.0
    return [count / (len(scores) + 0.5 * len(counts)) for count in counts]
