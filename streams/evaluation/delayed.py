"""Conversions that come late: the rows go through the label joiner and the hazard heads."""

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from time import perf_counter_ns

from schemas.learning import Pending, Snapshot
from streams.domain import joiner
from streams.domain.hazards import DAY_S, ENDS_S, Classifier, Hazards, X
from streams.evaluation.run import Run
from streams.evaluation.timeline import Questions

USUAL_S = ENDS_S[-1]


def horizon(asked: Questions, within: float | None) -> float | None:
    """Return how long a row may take to convert, in the unit of its times; None when labels come as they come.

    It is `within` where given. Else it is read from the negatives: without times of their own they are only waited
    for (30 days, or as long as the slowest positive took where times are no dates); if all of them are known after one
    and the same time, and no positive took longer, that time is the wait.
    """
    waits: tuple[list[float], list[float]] = ([], [])
    unknown = 0
    for label, moment, known in zip(asked.labels, asked.moments, asked.known, strict=True):
        if label is not None and known is not None:
            waits[label].append(known - moment)
        unknown += label == 0 and known is None
    lost, won = waits
    if within is not None:
        return within
    if not won or (not lost and not unknown):
        return None
    if not lost:
        return USUAL_S if asked.times[0] is not None else max(won)
    timed_out = max(lost) - min(lost) <= max(lost) * 0.01 and max(won) <= max(lost)
    return max(lost) if timed_out and max(lost) > 0 and min(won) < max(lost) * 0.99 else None


def closed(asked: Questions, wait: float) -> Questions:
    """Return the questions with the label that they have after `wait`, known then and not before."""
    labels = [
        None if label is None else int(label == 1 and known is not None and known - moment <= wait)
        for label, moment, known in zip(asked.labels, asked.moments, asked.known, strict=True)
    ]
    return asked._replace(labels=labels, known=[moment + wait for moment in asked.moments])


def run(
    make: Callable[[], Classifier], rows: Sequence[X], asked: Questions, weights: Sequence[float], wait: float
) -> Run:
    """Return what heads made by `make` said of each row, each bucket learned when it closed."""
    ends = tuple(wait * end / USUAL_S for end in ENDS_S)
    heads = Hazards(make, ends)
    waiting: list[tuple[float, int, Pending]] = []
    scores: list[float] = []
    predict_us: list[float] = []
    learn_us: list[float] = []

    def learn(until: float) -> None:
        while waiting and waiting[0][0] < until:
            at, row, pending = heappop(waiting)
            known = asked.known[row]
            if asked.labels[row] and known is not None and known <= at:
                pending, _ = joiner.answer(pending, known, ends)
            pending, found = joiner.close(pending, at, ends)
            for it in (it for it in found if it.bucket < len(ends)):  # not the verdict
                begun = perf_counter_ns()
                heads.learn_one(rows[row], it.bucket, bool(it.label), w=weights[row])
                learn_us.append((perf_counter_ns() - begun) / 1000)
            if (later := joiner.due(pending, ends)) is not None:
                heappush(waiting, (later, row, pending))

    for row, now in enumerate(asked.moments):
        learn(now)
        begun = perf_counter_ns()
        chance = heads.predict_proba_one(rows[row])[True]
        predict_us.append((perf_counter_ns() - begun) / 1000)
        scores.append(chance)
        if asked.labels[row] is not None:
            snapshot = Snapshot(features={}, score=chance, model_version=0, asked_at=now)
            pending = joiner.ask(Pending(lead_id=str(row)), snapshot)
            heappush(waiting, (now + ends[0], row, pending))
    return Run(scores, predict_us, learn_us)


def told(wait: float, *, dated: bool) -> str:
    """Return the horizon in words."""
    return f"{wait / DAY_S:.3g} days" if dated else f"{wait:g} (in the unit of --time)"
