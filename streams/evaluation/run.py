"""Test, then train: every row is scored before its label is known, and learned on what was scored."""

from collections.abc import Iterable, Sequence
from time import perf_counter_ns
from typing import NamedTuple

from streams.domain.hazards import Classifier, X
from streams.evaluation.timeline import Ask, Tell


class Run(NamedTuple):
    """Every row's score, None where it was never asked; µs that each prediction and each learning took."""

    scores: list[float]
    predict_us: list[float]
    learn_us: list[float]


def run(
    estimator: Classifier,
    rows: Sequence[X],
    labels: Sequence[int | None],
    weights: Sequence[float],
    timeline: Iterable[Ask | Tell],
) -> Run:
    """Return what an estimator said of each row. An example weighs `weights[row]`."""
    scores = [0.0] * len(rows)
    predict_us: list[float] = []
    learn_us: list[float] = []
    for event in timeline:
        at = event.row
        begun = perf_counter_ns()
        if isinstance(event, Ask):
            scores[at] = estimator.predict_proba_one(rows[at]).get(True, 0.0)
            predict_us.append((perf_counter_ns() - begun) / 1000)
        else:
            estimator.learn_one(rows[at], bool(labels[at]), w=weights[at])
            learn_us.append((perf_counter_ns() - begun) / 1000)
    return Run(scores, predict_us, learn_us)


def fading(leads: Sequence[str | None]) -> list[float]:
    """Return each row's weight: 1/√n for the n-th row of its lead, since rows of one lead tell the same story.

    >>> fading(["a", "b", None, "a", "a", "a"])[-1]
    0.5
    """
    seen: dict[str, int] = {}
    weights = []
    for lead in leads:
        if lead is None:
            weights.append(1.0)
            continue
        seen[lead] = seen.get(lead, 0) + 1
        weights.append(seen[lead] ** -0.5)
    return weights
