"""A lead's ledger: where its points come from by a scorecard, line by line, so that the total is the sum of the lines.

Nothing is kept for it: all is counted anew from the profile, as of the event's time. What a bound takes or adds is a
line too. Whatever order a profile was folded in, the ledger is the same.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from schemas.records import Day, LeadProfile
from streams.domain.card import Card, Rule
from streams.domain.profile import DAY_S

TOTAL = "total"
SHOWN = 400  # days whose shares are reckoned beforehand; older ones, which few profiles have, one by one
TEXTS = 4_096  # stated values of one trait that are remembered with what they are worth


class Line(NamedTuple):
    """One line of a ledger: a rule's points, or what a bound of a group or of the whole takes or adds."""

    name: str
    group: str
    points: float


class Counted(NamedTuple):
    """A rule for events, made ready: `left[age]` = the share of its points that is left after so many days."""

    at: int  # which of the card's rules it is
    rule: Rule
    left: tuple[float, ...]


class Ledger:
    """A card made ready to reckon with; safe to share, for it never says otherwise of the same lead and moment."""

    def __init__(self, card: Card) -> None:
        self.card = card
        self._single: dict[str, list[Counted]] = {}  # rules for one kind of event, by that kind
        self._several: list[Counted] = []
        self._stated: list[tuple[str, Callable[[str], tuple[float, ...]], list[int]]] = []
        self._quiet = [(at, rule) for at, rule in enumerate(card.rules) if rule.quiet_days]
        self._bounds = [rule.bounds for rule in card.rules]
        traits: dict[str, list[tuple[int, Rule]]] = {}
        for at, rule in enumerate(card.rules):
            if rule.stated is not None:
                traits.setdefault(rule.stated.trait, []).append((at, rule))
            elif rule.events:
                counted = Counted(at, rule, tuple(rule.fade.left(age) for age in range(SHOWN)))
                if len(rule.events) == 1:
                    self._single.setdefault(min(rule.events), []).append(counted)
                else:
                    self._several.append(counted)
        for trait, rules in traits.items():
            self._stated.append((trait, _worth([rule for _, rule in rules]), [at for at, _ in rules]))

    def lines(self, lead: LeadProfile, now: float) -> list[Line]:
        """Return where a lead's points come from at `now` (seconds since the epoch), in the card's order, no zeros."""
        points = [0.0] * len(self._bounds)
        today = int(now // DAY_S)
        for day in lead.days:
            if day.day <= today:
                self._count(day, today - day.day, points)
        for trait, worth, places in self._stated:
            said = lead.traits.get(trait)
            told = said.value.strip().lower() if said is not None and said.at <= now else ""
            for at, of in zip(places, worth(told), strict=True):
                points[at] = of
        for at, rule in self._quiet:
            if lead.last_seen > 0.0 and now - lead.last_seen >= rule.quiet_days * DAY_S:
                points[at] = rule.points
        return self._bounded(points)

    def _count(self, day: Day, age: int, points: list[float]) -> None:
        """Add what a day's events are worth."""
        counts, single = day.counts, self._single
        for kind, count in counts.items():
            for at, rule, left in single.get(kind, ()):
                share = left[age] if age < SHOWN else rule.fade.left(age)
                points[at] += rule.points * min(count, rule.per_day) * share
        for at, rule, left in self._several:
            if not rule.events.isdisjoint(counts):
                share = left[age] if age < SHOWN else rule.fade.left(age)
                count = sum([counts.get(kind, 0) for kind in rule.events])
                points[at] += rule.points * min(count, rule.per_day) * share

    def _bounded(self, points: list[float]) -> list[Line]:
        card, lines = self.card, list[Line]()
        sums = dict.fromkeys(card.groups, 0.0)
        for rule, of, (floor, cap) in zip(card.rules, points, self._bounds, strict=True):
            if within := min(max(of, floor), cap) if of else 0.0:
                lines.append(Line(rule.name, rule.group, within))
                sums[rule.group] += within
        for group, bounds in card.groups.items():
            if beyond := bounds.short_of(sums[group]):
                lines.append(Line(f"bounds of {group}", group, beyond))
        if beyond := card.total.short_of(total(lines)):
            lines.append(Line("bounds of the total", TOTAL, beyond))
        return lines


def total(lines: list[Line]) -> float:
    """Return the sum of a ledger."""
    return sum([line.points for line in lines])


def _worth(rules: list[Rule]) -> Callable[[str], tuple[float, ...]]:
    """Return what one trait's rules give for a value of it; leads state the same few things again and again."""

    @lru_cache(maxsize=TEXTS)
    def worth(told: str) -> tuple[float, ...]:
        return tuple([rule.points if rule.stated is not None and rule.stated.holds(told) else 0.0 for rule in rules])

    if all(rule.stated is not None and (rule.stated.anything or rule.stated.nothing) for rule in rules):
        return lambda told: worth("anything" if told else "")
    return worth
