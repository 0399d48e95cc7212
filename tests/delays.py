"""Made-up leads whose true chance is known, with delays that depend on who they are, and ways to learn from them.

Chance to convert within 30 days, delay and drift are drawn from one seed. Half of the leads are quick (days), half are
slow (weeks, and a heavy tail beyond the horizon). The world changes on day `DRIFT`, or never; traffic may grow
fivefold.
"""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import count
from math import exp, log
from random import Random
from typing import NamedTuple

from schemas.learning import Pending, Snapshot
from streams.domain import joiner
from streams.domain.hazards import DAY_S, ENDS_S, Classifier, Hazards, X
from streams.domain.joiner import Closed

DAYS, DRIFT = 120, 60
HORIZON = ENDS_S[-1]
RATE = 0.05
FEATURES = ("one", "a", "b", "quick")
Step = Callable[[], None]


class Made(NamedTuple):
    """A lead: what is seen of it, when, its true chance, and when it converts (None = never)."""

    x: X
    at: float
    truth: float
    quick: bool
    converts_at: float | None


class Told(NamedTuple):
    """A lead, what was said of it when it was scored, and what one who knew every outcome at once said."""

    lead: Made
    said: float
    oracle: float


def leads(seed: int, number: int, growth: float = 1.0, drift: float = DRIFT) -> list[Made]:
    """Draw leads in time order; with `growth`, traffic rises to that many times as much from day 20 to day 50."""
    rng, made = Random(seed), []
    for _ in range(number):
        day = _day(rng, growth)
        a, b, quick = rng.gauss(0, 1), rng.gauss(0, 1), rng.random() < 0.5
        drifted = day >= drift
        z = -1.6 + (0.2 if drifted else 0.8) * a + (1.0 if drifted else 0.4) * b + (0.3 if quick else 0.0)
        truth = 1 / (1 + exp(-z))
        won = rng.random() < truth
        days = _delay(rng, quick) if won else rng.uniform(31, 90) if rng.random() < 0.05 else None
        x: X = {"one": 1.0, "a": a, "b": b, "quick": float(quick)}
        made.append(Made(x, day * DAY_S, truth, quick, None if days is None else (day + days) * DAY_S))
    return sorted(made, key=lambda it: it.at)


class Head:
    """A logistic regression by plain gradient steps: small, so that thirty thousand leads take a second."""

    def __init__(self) -> None:
        self._weights = dict.fromkeys(FEATURES, 0.0) | {"one": -2.5}

    def predict_proba_one(self, x: X) -> dict[bool, float]:
        weights = self._weights
        z = sum([weights[name] * value for name, value in x.items() if not isinstance(value, str)])
        chance = 1 / (1 + exp(-z))
        return {True: chance, False: 1 - chance}

    def learn_one(self, x: X, y: bool, *, w: float = 1.0) -> None:
        self.learn_chance(x, float(y), w)

    def learn_chance(self, x: X, chance: float, w: float) -> None:
        step = RATE * w * (chance - self.predict_proba_one(x)[True])
        for name, value in x.items():
            if not isinstance(value, str):
                self._weights[name] += step * value


class Whole:
    """The baseline's target: one head, the chance within the horizon."""

    def __init__(self) -> None:
        self.head: Classifier = Head()

    def said(self, x: X) -> float:
        return self.head.predict_proba_one(x)[True]


def told(made: list[Made], learn: "Callable[[], Joined | WithinAWeek | OnArrival]") -> list[Told]:
    """Score every lead when it comes, with what the learner and the oracle know by then."""
    learner, oracle = learn(), Head()
    found = []
    for lead in made:
        learner.advance(lead.at)
        found.append(Told(lead, learner.said(lead.x), oracle.predict_proba_one(lead.x)[True]))
        learner.ask(lead)
        oracle.learn_one(lead.x, within(lead, HORIZON))
    return found


class Later:
    """Does things when their time has come."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Step]] = []
        self._numbers = count()

    def at(self, time: float, step: Step) -> None:
        heappush(self._waiting, (time, next(self._numbers), step))

    def advance(self, now: float) -> None:
        while self._waiting and self._waiting[0][0] <= now:
            heappop(self._waiting)[2]()


class Joined(Later):
    """The joiner closes buckets, the heads learn them, and all four together score."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = Hazards(Head)
        self.said = lambda x: self.heads.predict_proba_one(x)[True]

    def ask(self, lead: Made) -> None:
        snapshot = Snapshot(features={}, score=0.0, model_version=0, asked_at=lead.at)
        row = [joiner.ask(Pending(lead_id="e-1"), snapshot)]
        if lead.converts_at is not None:
            won = lead.converts_at
            self.at(won, lambda: row.append(joiner.answer(row.pop(), won)[0]))
        for end in ENDS_S:
            self.at(lead.at + end, lambda end=end: self._close(lead, row, lead.at + end))  # type: ignore[misc]

    def _close(self, lead: Made, row: list[Pending], now: float) -> None:
        pending, closed = joiner.close(row.pop(), now)
        row.append(pending)
        for it in closed:
            if it.bucket < len(ENDS_S):
                self._learn(lead, it)

    def _learn(self, lead: Made, it: Closed) -> None:
        self.heads.learn_one(lead.x, it.bucket, bool(it.label), w=it.weight)


class Imputed(Joined):
    """What the learner does with them: one head learns each lead once, the hazard heads say who will still convert."""

    def __init__(self) -> None:
        super().__init__()
        self.head = Head()
        self.said = lambda x: self.head.predict_proba_one(x)[True]

    def _learn(self, lead: Made, it: Closed) -> None:
        if it.bucket == 0:
            self.head.learn_chance(lead.x, 1.0 if it.label else self.heads.later(lead.x), it.weight)
        super()._learn(lead, it)


class WithinAWeek(Later, Whole):
    """A mutant: who has not converted after 7 days counts as lost."""

    def __init__(self) -> None:
        Later.__init__(self)
        Whole.__init__(self)

    def ask(self, lead: Made) -> None:
        self.at(lead.at + 7 * DAY_S, lambda: self.head.learn_one(lead.x, within(lead, 7 * DAY_S)))


class OnArrival(Later, Whole):
    """A mutant: won is learned when it comes, lost when the time is up."""

    def __init__(self) -> None:
        Later.__init__(self)
        Whole.__init__(self)

    def ask(self, lead: Made) -> None:
        won = within(lead, HORIZON)
        at = lead.converts_at if won and lead.converts_at is not None else lead.at + HORIZON
        self.at(at, lambda: self.head.learn_one(lead.x, won))


def ratio(part: list[Told], of: Callable[[Told], float] = lambda it: it.said) -> float:
    """What was said, on average, for each unit of what was true."""
    return sum(map(of, part)) / sum(it.lead.truth for it in part)


def divergence(part: list[Told], of: Callable[[Told], float] = lambda it: it.said) -> float:
    """The mean Kullback-Leibler divergence of what was said from what is true, in nats."""
    total = 0.0
    for it in part:
        p, q = it.lead.truth, min(max(of(it), 1e-9), 1 - 1e-9)
        total += p * log(p / q) + (1 - p) * log((1 - p) / (1 - q))
    return total / len(part)


def fifths(part: list[Told]) -> Iterator[list[Told]]:
    """The part in five of equal size, by true chance."""
    ranked = sorted(part, key=lambda it: it.lead.truth)
    for number in range(5):
        yield ranked[number * len(ranked) // 5 : (number + 1) * len(ranked) // 5]


def between(all_of_them: list[Told], first: float, last: float) -> list[Told]:
    """Those scored from day `first` until day `last`."""
    return [it for it in all_of_them if first * DAY_S <= it.lead.at < last * DAY_S]


def within(lead: Made, time: float) -> bool:
    return lead.converts_at is not None and lead.converts_at <= lead.at + time


def _day(rng: Random, growth: float) -> float:
    """Draw a day, more often a late one as traffic grows."""
    while True:
        day = rng.uniform(0, DAYS)
        if rng.random() * growth < 1 + (growth - 1) * min(max((day - 20) / 30, 0.0), 1.0):
            return day


def _delay(rng: Random, quick: bool) -> float:
    """Draw days from 0 to 30: log-normal, so that its tail is heavy."""
    while True:
        days = rng.lognormvariate(0.4 if quick else 2.2, 1.0)
        if days <= HORIZON / DAY_S:
            return days
