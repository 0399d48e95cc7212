"""A log of events: each row asks whether its lead will convert soon, knowing what that lead has done so far.

The row that tells of a conversion answers those before it; what it says of itself, a later row may know.
"""

from collections import Counter
from collections.abc import Sequence

from streams.domain.hazards import DAY_S, X
from streams.evaluation.columns import Column, Kind, Put
from streams.evaluation.dataset import DataError
from streams.evaluation.timeline import Questions

HALF_LIVES = {"hour": DAY_S / 24, "day": DAY_S, "week": 7 * DAY_S}
KIND = "day"  # the half-life of the counts by kind; a second one for each makes more pairs than it tells
COMMON = 40  # kinds that are counted one by one, the most frequent
OTHER = "(other)"


def ahead(asked: Questions, leads: Sequence[str | None]) -> Questions:
    """Return the questions, a row being positive when its lead converts later; known at the time of that conversion.

    Rows of one moment do not answer each other. Raises `DataError` when times are no dates.
    """
    if asked.times and asked.times[0] is None:
        raise DataError("--within without --label-time: the rows are taken for events, and need dates in --time")
    following: dict[str, list[float]] = {}  # of each lead: its next conversion, and the next of another moment
    labels: list[int | None] = []
    known: list[float | None] = []
    for row in range(len(leads) - 1, -1, -1):
        lead, now = leads[row], asked.moments[row]
        later = [at for at in following.get(lead, ()) if at > now] if lead is not None else []
        labels.append(None if lead is None else int(bool(later)))
        known.append(min(later, default=None))
        if lead is not None and asked.labels[row]:
            following[lead] = sorted({now, *later})[:2]
    return asked._replace(labels=labels[::-1], known=known[::-1])


def history(asked: Questions, leads: Sequence[str | None], event: Sequence[str | None]) -> list[Column]:
    """Return what a lead had done up to each row, that row included, as columns.

    They are: its events, in all and lately (counts that halve each hour, day or week), lately of each kind (`event`,
    the cells of the label's column), and how long ago it came first and last.
    """
    kinds = _kinds(event)
    seen: dict[str, _Past] = {}
    told: list[X] = []
    for lead, kind, now in zip(leads, event, asked.moments, strict=True):
        past = _Past(now) if lead is None else seen.setdefault(lead, _Past(now))
        told.append(past.met(kind if kind in kinds else OTHER, now))
    names = sorted({name for x in told for name in x})
    return [Column(name, Kind.NUMBER, 0, len({x.get(name) for x in told}), _put(told, name)) for name in names]


class _Past:
    """What one lead has done: counts that fade, by name and half-life, each as of a time."""

    def __init__(self, now: float) -> None:
        self._first = self._latest = now
        self._met = 0
        self._fading: dict[tuple[str, str], tuple[float, float]] = {}

    def met(self, kind: str, now: float) -> X:
        """Take an event in; return all that is known then."""
        self._met += 1
        for what in (*(("events", life) for life in HALF_LIVES), (kind, KIND)):
            self._fading[what] = self._left(what, now) + 1.0, now
        x: X = {f"{of}, past {life}": self._left((of, life), now) for of, life in self._fading}
        x |= {
            "events so far": self._met,
            "days so far": (now - self._first) / DAY_S,
            "days since the last": (now - self._latest) / DAY_S,
        }
        self._latest = now
        return x

    def _left(self, what: tuple[str, str], now: float) -> float:
        count, at = self._fading.get(what, (0.0, now))
        return float(count * 0.5 ** ((now - at) / HALF_LIVES[what[1]]))


def _kinds(event: Sequence[str | None]) -> frozenset[str]:
    counts = Counter(kind for kind in event if kind is not None)
    return frozenset(sorted(counts, key=lambda kind: (-counts[kind], kind))[:COMMON])


def _put(told: list[X], name: str) -> Put:
    def put(at: int, _: float | None, x: X) -> None:
        x[name] = told[at].get(name, 0.0)

    return put
