"""The scorecard: points for who a lead is and what it does, by rules that anyone can read.

A rule gives points for each event of some kinds, or once for what a lead states. The points of a day's events fade from
that day on. Rules, groups and the whole are held within bounds. What comes of it for a lead is its ledger
(`streams.domain.ledger`).
"""

from collections.abc import Mapping
from math import log
from typing import NamedTuple

FIT, ENGAGEMENT = "fit", "engagement"
NO_BOUND = float("inf")
DOUBLE = log(2.0)


class Bounds(NamedTuple):
    """From where to where points count."""

    floor: float = -NO_BOUND
    cap: float = NO_BOUND

    def short_of(self, points: float) -> float:
        """Return what is to be added to points so that they lie within.

        >>> bounds = Bounds(-10.0, 40.0)
        >>> bounds.short_of(55.0), bounds.short_of(-12.0), bounds.short_of(7.0)
        (-15.0, 2.0, 0.0)
        """
        floor, cap = self
        return 0.0 if floor <= points <= cap else min(max(points, floor), cap) - points


class Fade(NamedTuple):
    """How points lose their worth: by half in each `half_life`, or evenly until `gone_after`; in days, 0 = not so."""

    half_life: float = 0.0
    gone_after: float = 0.0

    def left(self, age: int) -> float:
        """Return the share that is left after whole days.

        >>> Fade(half_life=7.0).left(14), Fade(gone_after=10.0).left(4), Fade(gone_after=10.0).left(11), Fade().left(99)
        (0.25, 0.6, 0.0, 1.0)
        """
        if self.half_life:
            return float(0.5 ** (age / self.half_life))
        return max(0.0, 1.0 - age / self.gone_after) if self.gone_after else 1.0


class Stated(NamedTuple):
    """What a lead must have stated of a trait: one of `values`, one of `words`, a number within, anything, nothing."""

    trait: str
    values: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    at_least: float = -NO_BOUND
    at_most: float = NO_BOUND
    nothing: bool = False
    anything: bool = False

    def holds(self, told: str) -> bool:
        """Tell whether a value, in small letters without blanks around it, is what is wanted; "" = none was stated.

        >>> Stated("title", words=frozenset({"vp"})).holds("vp, sales"), Stated("employees", at_least=9.0).holds("8")
        (True, False)
        """
        if self.nothing or not told:
            return self.nothing and not told
        if self.anything:
            return True
        if self.values:
            return told in self.values
        if self.words:
            return not self.words.isdisjoint("".join(c if c.isalnum() or c == "-" else " " for c in told).split())
        return self.at_least <= number(told) <= self.at_most


class Rule(NamedTuple):
    """Points for each event of `events`, at most `per_day` of one day; or once, for what is `stated` or for silence.

    `quiet_days` = for who was not heard from for so long; 0 = no such rule. Exactly one of the three is given.
    """

    name: str
    group: str
    points: float
    events: frozenset[str] = frozenset()
    per_day: float = NO_BOUND
    bounds: Bounds = Bounds()
    fade: Fade = Fade()
    stated: Stated | None = None
    quiet_days: float = 0.0


class Card(NamedTuple):
    """A scorecard. `zero` = the log-odds of no points; `doubling` points double the odds.

    It scores alone up to `alone_until` closed labels' worth of evidence, and the model alone from `model_from` on.
    """

    name: str
    version: int
    rules: tuple[Rule, ...]
    groups: Mapping[str, Bounds]
    total: Bounds
    zero: float
    doubling: float
    alone_until: float
    model_from: float

    @property
    def id(self) -> str:
        """What a decision calls it."""
        return f"{self.name} {self.version}"

    def share(self, evidence: float) -> float:
        """Return the model's share of the score, 0 to 1, at so many closed labels' worth of evidence."""
        if evidence >= self.model_from:
            return 1.0
        return max(0.0, (evidence - self.alone_until) / (self.model_from - self.alone_until))


def number(text: str) -> float:
    """Return the first number in a text; not a number, which lies within no bounds, where there is none.

    >>> number("1,000+"), number("50-99 people"), number("2.5"), number("many")
    (1000.0, 50.0, 2.5, nan)
    """
    digits = ""
    for char in text.replace(",", "").replace(" ", ""):
        if (char.isdecimal() and char.isascii()) or (char == "." and digits and "." not in digits):
            digits += char
        elif digits:
            break
    return float(digits[:64]) if digits else float("nan")
