"""In which order a scorer was asked and told: every label at the moment it was known, never before.

To learn a label at once that in truth came days later makes any scorer look better than it is: rows of one lead share
one outcome.
"""

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from streams.domain.hazards import DAY_S
from streams.evaluation.dataset import DataError, Dataset
from streams.evaluation.labels import are_dates, labels, times


class Ask(NamedTuple):
    """A row is to be scored."""

    row: int


class Tell(NamedTuple):
    """A row's label became known."""

    row: int


class Questions(NamedTuple):
    """Rows in time order. `labels[i]` is None where there is none; `known[i]` None = never, or by `lag` rows alone."""

    data: Dataset
    times: list[float | None]  # seconds since the epoch; None where only the order is known
    labels: list[int | None]
    moments: list[float]  # what orders the rows, in whatever unit it is
    known: list[float | None]
    early: int  # rows left out, since their outcome was known before they were to be scored


def questions(data: Dataset, label: str, time: str, label_time: str) -> Questions:
    """Return the rows in time order (in file order where `time` is ""). Raises `DataError`."""
    answers = labels(data, label)
    moments = _moments(data, time) if time else [float(at) for at in range(data.rows)]
    known: list[float | None] = times(data, label_time, "--label-time") if label_time else [None] * data.rows
    if label_time and are_dates(known) != are_dates(moments):
        raise DataError(f"--label-time {label_time}: it must be in the same unit as --time {time or '(file order)'}")
    if are_dates(known) and _all_midnight(known) and not _all_midnight(moments):
        known = [None if at is None else at + DAY_S for at in known]  # a day without a time is known when it is over
    order = sorted(range(data.rows), key=lambda at: (moments[at], at))
    kept = [at for at in order if not _told_before(known[at], moments[at])]
    dated = bool(time) and are_dates(moments)
    return Questions(
        data.ordered(kept),
        [moments[at] if dated else None for at in kept],
        [answers[at] for at in kept],
        [moments[at] for at in kept],
        [known[at] for at in kept],
        len(order) - len(kept),
    )


def by_lag(labels: Sequence[int | None], lag: int) -> Iterator[Ask | Tell]:
    """Ask each row, and tell its label after `lag` more have been asked."""
    for row in range(len(labels)):
        yield Ask(row)
        if row >= lag and labels[row - lag] is not None:
            yield Tell(row - lag)


def by_time(
    labels: Sequence[int | None], moments: Sequence[float], known: Sequence[float | None]
) -> Iterator[Ask | Tell]:
    """Ask each row at its time, and tell a label once the time at which it was known lies behind."""
    waiting: list[tuple[float, int]] = []
    for row, now in enumerate(moments):
        while waiting and waiting[0][0] < now:
            yield Tell(heappop(waiting)[1])
        yield Ask(row)
        at = known[row]
        if at is not None and labels[row] is not None:
            heappush(waiting, (at, row))


def _moments(data: Dataset, name: str) -> list[float]:
    found = times(data, name, "--time")
    missing = sum(it is None for it in found)
    if missing:
        raise DataError(f"--time {name}: {missing} of {data.rows} rows have none (first: row {found.index(None) + 1})")
    return [it for it in found if it is not None]


def _all_midnight(times: Sequence[float | None]) -> bool:
    return all(at is None or at % DAY_S == 0 for at in times)


def _told_before(known: float | None, asked: float) -> bool:
    return known is not None and known < asked
