"""How good the scores were: the old prediction against the label, when the label comes (prequential)."""

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Iterable, Sequence
from math import log
from typing import NamedTuple

Scores = Sequence[float]
Labels = Sequence[int]
WINDOW = 1000
BINS = 10
_NEVER = 1e-15


class Record:
    """Log-loss over all labels, and the exact AUC over the latest `WINDOW`, updated label by label.

    The AUC is kept as its pair count: how many (converted, not converted) pairs of the window are in the right order.
    """

    def __init__(self, n: int = 0, loss: float = 0.0, recent: Iterable[tuple[float, int]] = ()) -> None:
        self.n, self.loss = n, loss
        self.recent: deque[tuple[float, int]] = deque()
        self._scores: tuple[list[float], list[float]] = ([], [])
        self._pairs = 0.0
        for score, label in recent:
            self._enter(score, label)

    def see(self, score: float, label: int) -> None:
        """Count one label against the score that was given when the lead was routed."""
        self.n += 1
        self.loss -= log(max(score if label else 1.0 - score, _NEVER))
        self._enter(score, label)
        if len(self.recent) > WINDOW:
            old, was = self.recent.popleft()
            del self._scores[was][bisect_left(self._scores[was], old)]
            self._pairs -= self._right(old, was)

    def figures(self) -> dict[str, float]:
        """Return `n`, `log_loss` (nats per label); of the window `auc` (0.5 while undefined), `ece` and `positives`."""
        lost, won = (len(scores) for scores in self._scores)
        return {
            "n": float(self.n),
            "log_loss": self.loss / self.n if self.n else 0.0,
            "auc": self._pairs / (won * lost) if won and lost else 0.5,
            "ece": ece(*zip(*self.recent, strict=True)) if self.recent else 0.0,
            "positives": float(won),
        }

    def _enter(self, score: float, label: int) -> None:
        self._pairs += self._right(score, label)
        insort(self._scores[label], score)
        self.recent.append((score, label))

    def _right(self, score: float, label: int) -> float:
        """Return how many pairs with this score are in the right order; a tie is half a pair."""
        others = self._scores[1 - label]
        below, upto = bisect_left(others, score), bisect_right(others, score)
        return (below if label else len(others) - upto) + (upto - below) / 2


class Bin(NamedTuple):
    """Rows of like scores: how many, what was said of them on average, and what share of them was positive."""

    n: int
    predicted: float
    observed: float


def reliability(scores: Scores, labels: Labels, bins: int = BINS) -> list[Bin]:
    """Return the rows in bins of equal number, by score."""
    order = sorted(range(len(scores)), key=lambda at: (scores[at], at))
    made = []
    for number in range(bins):
        part = order[number * len(order) // bins : (number + 1) * len(order) // bins]
        if part:
            n = len(part)
            made.append(Bin(n, sum(scores[at] for at in part) / n, sum(labels[at] for at in part) / n))
    return made


def ece(scores: Scores, labels: Labels) -> float:
    """Return the expected calibration error: |said - seen| over ten bins of equal number.

    >>> round(ece([0.5] * 20, [0, 1] * 10), 6)
    0.0
    """
    return sum(it.n * abs(it.predicted - it.observed) for it in reliability(scores, labels)) / max(len(scores), 1)
