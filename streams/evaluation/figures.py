"""What scores are worth against labels: AUC over all and within windows, log-loss, calibration, lift."""

from collections.abc import Sequence
from itertools import pairwise
from math import log
from typing import NamedTuple

from streams.domain.metrics import Labels, Scores, ece

WINDOW = 1000  # rows: routing compares leads of the same moment
_NEVER = 1e-15


class Figures(NamedTuple):
    """How good a run was. `windowed_auc` is the mean AUC inside windows of consecutive rows; log-loss is in nats."""

    auc: float
    windowed_auc: float
    log_loss: float
    ece: float
    lift10: float


def figures(scores: Scores, labels: Labels) -> Figures:
    """Return all figures of scores (0..1), in time order, beside their labels (0, 1)."""
    return Figures(
        auc(scores, labels),
        windowed_auc(scores, labels),
        log_loss(scores, labels),
        ece(scores, labels),
        lift(scores, labels),
    )


def auc(scores: Scores, labels: Labels) -> float:
    """Return the chance that a positive is scored above a negative, ties counting half; 0.5 while undefined.

    >>> auc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
    0.75
    """
    lost = sorted(score for score, label in zip(scores, labels, strict=True) if not label)
    won = sorted(score for score, label in zip(scores, labels, strict=True) if label)
    if not lost or not won:
        return 0.5
    right, below, upto = 0.0, 0, 0
    for score in won:
        while below < len(lost) and lost[below] < score:
            below += 1
        upto = max(upto, below)
        while upto < len(lost) and lost[upto] <= score:
            upto += 1
        right += below + (upto - below) / 2
    return right / (len(won) * len(lost))


def windowed_auc(scores: Scores, labels: Labels, window: int = WINDOW) -> float:
    """Return the mean AUC inside windows of consecutive rows that hold both labels, each weighing as its rows."""
    width = min(window, max(len(scores) // 4, 1))
    total = weight = 0.0
    for start in range(0, len(scores), width):
        part = labels[start : start + width]
        if len(part) >= width / 2 and 0 < sum(part) < len(part):
            total += auc(scores[start : start + width], part) * len(part)
            weight += len(part)
    return total / weight if weight else 0.5


def log_loss(scores: Scores, labels: Labels) -> float:
    """Return the mean of -log(what was said of what came)."""
    losses = (-log(max(s if label else 1.0 - s, _NEVER)) for s, label in zip(scores, labels, strict=True))
    return sum(losses) / len(scores) if scores else 0.0


def lift(scores: Scores, labels: Labels, share: float = 0.1) -> float:
    """Return how many times as many positives the best tenth holds as a tenth by chance would; ties by their share.

    >>> lift([0.9] + [0.1] * 9, [1] + [0] * 9)
    10.0
    """
    positives, wanted = sum(labels), share * len(scores)
    if not positives or not wanted:
        return 0.0
    ranked = sorted(scores, reverse=True)
    edge = ranked[min(int(wanted), len(ranked) - 1)] if wanted < len(ranked) else ranked[-1]
    above = [label for score, label in zip(scores, labels, strict=True) if score > edge]
    at = [label for score, label in zip(scores, labels, strict=True) if score == edge]
    found = sum(above) + (wanted - len(above)) * sum(at) / len(at)
    return found / wanted / (positives / len(labels))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of the values lie below.

    >>> percentile([3.0, 1.0, 2.0], 0.5)
    2.0
    """
    ranked = sorted(values)
    return ranked[min(int(share * len(ranked)), len(ranked) - 1)] if ranked else 0.0


def learning_curve(scores: Scores, labels: Labels, points: int = 24) -> list[tuple[int, float]]:
    """Return (rows so far, AUC of the stretch that ends there), for stretches of equal length."""
    edges = [len(scores) * at // points for at in range(points + 1)]
    parts = [(start, stop) for start, stop in pairwise(edges) if 0 < sum(labels[start:stop]) < stop - start]
    return [(stop, auc(scores[start:stop], labels[start:stop])) for start, stop in parts]
