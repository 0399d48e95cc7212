"""The scorecard: points for who a lead is and what it does, by rules that anyone can read, in a ledger that adds up.

A rule gives points for each event of some kinds, or once for what a lead states. The points of a day's events fade from
that day on; nothing is kept for it, all is counted anew from the profile, as of the event's time. Then rules, groups
and the whole are held within their bounds, and what that takes or adds is a line of the ledger too. So the total is the
sum of the ledger, and whatever order a profile was folded in, the ledger is the same.
"""

from collections.abc import Mapping
from math import log
from typing import NamedTuple

from schemas.records import LeadProfile
from streams.domain.profile import DAY_S

FIT, ENGAGEMENT, TOTAL = "fit", "engagement", "total"
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
        return min(max(points, self.floor), self.cap) - points


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

    def log_odds(self, points: float) -> float:
        """Return what points add to the log-odds."""
        return points * DOUBLE / self.doubling


class Line(NamedTuple):
    """One line of a ledger: a rule's points, or what a bound of a group or of the whole takes or adds."""

    name: str
    group: str
    points: float


def ledger(card: Card, lead: LeadProfile, now: float) -> list[Line]:
    """Return where a lead's points come from at `now` (seconds since the epoch), in the card's order, without zeros."""
    counts = _by_kind(lead, now)
    lines: list[Line] = []
    sums = dict.fromkeys(card.groups, 0.0)
    for rule in card.rules:
        points = _points(rule, lead, counts, now)
        points += rule.bounds.short_of(points)
        if points:
            lines.append(Line(rule.name, rule.group, points))
            sums[rule.group] += points
    for group, bounds in card.groups.items():
        if beyond := bounds.short_of(sums[group]):
            lines.append(Line(f"bounds of {group}", group, beyond))
    if beyond := card.total.short_of(total(lines)):
        lines.append(Line("bounds of the total", TOTAL, beyond))
    return lines


def total(lines: list[Line]) -> float:
    """Return the sum of a ledger."""
    return sum(line.points for line in lines)


def _by_kind(lead: LeadProfile, now: float) -> dict[str, list[tuple[int, int, int]]]:
    """Return (day, age in days, count) by kind, as far as it has happened by now."""
    today = int(now // DAY_S)
    found: dict[str, list[tuple[int, int, int]]] = {}
    for past in lead.days:
        if past.day <= today:
            for name, count in past.counts.items():
                found.setdefault(name, []).append((past.day, today - past.day, count))
    return found


def _points(rule: Rule, lead: LeadProfile, counts: dict[str, list[tuple[int, int, int]]], now: float) -> float:
    if rule.events:
        return _of_events(rule, counts)
    if rule.stated is not None:
        return rule.points if _holds(rule.stated, lead, now) else 0.0
    quiet = lead.last_seen > 0.0 and now - lead.last_seen >= rule.quiet_days * DAY_S
    return rule.points if quiet else 0.0


def _of_events(rule: Rule, counts: dict[str, list[tuple[int, int, int]]]) -> float:
    per_day: dict[int, tuple[int, int]] = {}
    for kind in rule.events & counts.keys():
        for day, age, count in counts[kind]:
            per_day[day] = age, per_day.get(day, (age, 0))[1] + count
    points = 0.0
    for day in sorted(per_day):  # one order, whichever the kinds came in
        age, count = per_day[day]
        points += rule.points * min(count, rule.per_day) * rule.fade.left(age)
    return points


def _holds(stated: Stated, lead: LeadProfile, now: float) -> bool:
    trait = lead.traits.get(stated.trait)
    told = trait.value.strip().lower() if trait is not None and trait.at <= now else ""
    if stated.nothing or not told:
        return stated.nothing and not told
    if stated.anything:
        return True
    if stated.values:
        return told in stated.values
    if stated.words:
        return not stated.words.isdisjoint("".join(c if c.isalnum() or c == "-" else " " for c in told).split())
    return stated.at_least <= number(told) <= stated.at_most


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
