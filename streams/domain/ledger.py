"""A lead's ledger: where its points come from by a scorecard, line by line, so that the total is the sum of the lines.

Nothing is kept for it: all is counted anew from the profile, as of the event's time. What a bound takes or adds is a
line too. Whatever order a profile was folded in, the ledger is the same.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

from msgspec import Struct

from schemas.records import Day, LeadProfile
from streams.domain.card import Card, Fade, Rule
from streams.domain.profile import DAY_S

TOTAL = "total"
SHOWN = 400  # days whose shares are reckoned beforehand; older ones, which few profiles have, one by one
TEXTS = 4_096  # stated values of one trait that are remembered with what they are worth

Points = dict[int, float]  # by place on the card; what a rule does not give for is not there


class Line(Struct, frozen=True, gc=False):
    """One line of a ledger: a rule's points, or what a bound of a group or of the whole takes or adds."""

    name: str
    group: str
    points: float


class Counted(NamedTuple):
    """A rule for events, made ready: `left[age]` = the share of its points that is left after so many days."""

    at: int  # which of the card's rules it is
    points: float
    per_day: float
    fade: Fade
    left: tuple[float, ...]
    kinds: frozenset[str]


class Ledger:
    """A card made ready to reckon with; safe to share, for it never says otherwise of the same lead and moment."""

    def __init__(self, card: Card) -> None:
        self.card = card
        self._single: dict[str, list[Counted]] = {}  # rules for one kind of event, by that kind
        self._several: list[Counted] = []
        self._quiet = [(at, rule) for at, rule in enumerate(card.rules) if rule.quiet_days]
        self._rules = [(rule.name, rule.group, *rule.bounds) for rule in card.rules]
        traits: dict[str, list[tuple[int, Rule]]] = {}
        for at, rule in enumerate(card.rules):
            if rule.stated is not None:
                traits.setdefault(rule.stated.trait, []).append((at, rule))
            elif rule.events:
                left = tuple(rule.fade.left(age) for age in range(SHOWN))
                counted = Counted(at, rule.points, rule.per_day, rule.fade, left, rule.events)
                if len(rule.events) == 1:
                    self._single.setdefault(min(rule.events), []).append(counted)
                else:
                    self._several.append(counted)
        self._kinds = frozenset[str]().union(*[it.kinds for it in self._several])
        self._stated = [(trait, _worth(rules)) for trait, rules in traits.items()]

    def lines(self, lead: LeadProfile, now: float) -> list[Line]:
        """Return where a lead's points come from at `now` (seconds since the epoch), in the card's order, no zeros."""
        points: Points = {}
        for trait, worth in self._stated:
            said = lead.traits.get(trait)
            points.update(worth(said.value if said is not None and said.at <= now else ""))
        today = int(now // DAY_S)
        for day in lead.days:
            if day.day <= today:
                self._count(day, today - day.day, points)
        for at, rule in self._quiet:
            if lead.last_seen > 0.0 and now - lead.last_seen >= rule.quiet_days * DAY_S:
                points[at] = rule.points
        return self._bounded(points)

    def _count(self, day: Day, age: int, points: Points) -> None:
        """Add what a day's events are worth."""
        counts, single = day.counts, self._single
        for kind, count in counts.items():
            if kind in single:
                for at, each, most, fade, left, _ in single[kind]:
                    share = left[age] if age < SHOWN else fade.left(age)
                    points[at] = points.get(at, 0.0) + each * min(count, most) * share
        if not self._kinds.isdisjoint(counts):
            for at, each, most, fade, left, kinds in self._several:
                if count := sum([counts.get(kind, 0) for kind in kinds]):
                    share = left[age] if age < SHOWN else fade.left(age)
                    points[at] = points.get(at, 0.0) + each * min(count, most) * share

    def _bounded(self, points: Points) -> list[Line]:
        card, lines, rules = self.card, list[Line](), self._rules
        sums = dict.fromkeys(card.groups, 0.0)
        for at, of in sorted(points.items()):
            name, group, floor, cap = rules[at]
            if within := of if floor <= of <= cap else min(max(of, floor), cap):
                lines.append(Line(name, group, within))
                sums[group] += within
        for group, bounds in card.groups.items():
            if beyond := bounds.short_of(sums[group]):
                lines.append(Line(f"bounds of {group}", group, beyond))
        if beyond := card.total.short_of(total(lines)):
            lines.append(Line("bounds of the total", TOTAL, beyond))
        return lines


def total(lines: list[Line]) -> float:
    """Return the sum of a ledger."""
    return sum([line.points for line in lines])


def _worth(rules: list[tuple[int, Rule]]) -> Callable[[str], Mapping[int, float]]:
    """Return what one trait's rules give for a value of it; leads state the same few things again and again."""

    @lru_cache(maxsize=TEXTS)
    def worth(told: str) -> Mapping[int, float]:
        told = told.strip().lower()
        return {at: rule.points for at, rule in rules if rule.stated is not None and rule.stated.holds(told)}

    if all(rule.stated is not None and (rule.stated.anything or rule.stated.nothing) for _, rule in rules):
        return lambda told: worth("anything" if told.strip() else "")
    return worth
