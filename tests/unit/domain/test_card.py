"""The scorecard: what each rule gives, what bounds take, and that the ledger adds up."""

from math import log

import pytest

from schemas.records import Day, LeadProfile, Trait
from streams.cards import card
from streams.domain.card import Bounds, Card, Fade, Rule, Stated
from streams.domain.ledger import Ledger, Line, total
from streams.domain.profile import DAY_S
from tests.builders import NOON, profile

OPEN = Bounds()
TODAY = int(NOON // DAY_S)


def of(*rules: Rule, fit: Bounds = OPEN, whole: Bounds = OPEN) -> Card:
    return Card("test", 3, rules, {"fit": fit, "engagement": OPEN}, whole, log(0.05 / 0.95), 10.0, 50.0, 500.0)


def ledger(card: Card, lead: LeadProfile, now: float) -> list[Line]:
    return Ledger(card).lines(lead, now)


def did(**counts: int) -> LeadProfile:
    return LeadProfile(lead_id="e-1", days=[Day(day=TODAY, counts=counts)])


def title(text: str, at: float = 0.0) -> LeadProfile:
    return LeadProfile(lead_id="e-1", traits={"title": Trait(value=text, at=at)})


PAGES = Rule("pages", "engagement", 2.0, frozenset({"page", "docs"}))


@pytest.mark.parametrize(
    ("rule", "days", "points"),
    [
        (PAGES, {0: {"page": 2, "docs": 1, "form": 9}}, 6.0),
        (PAGES._replace(per_day=2), {0: {"page": 2, "docs": 1}, 1: {"page": 1}}, 6.0),
        (PAGES._replace(bounds=Bounds(cap=5.0)), {0: {"page": 9}}, 5.0),
        (PAGES._replace(points=-2.0, bounds=Bounds(floor=-5.0)), {0: {"page": 9}}, -5.0),
        (PAGES._replace(fade=Fade(half_life=2.0)), {0: {"page": 1}, 2: {"page": 1}, 4: {"page": 1}}, 3.5),
        (PAGES._replace(fade=Fade(gone_after=4.0)), {0: {"page": 1}, 2: {"page": 1}, 9: {"page": 1}}, 3.0),
        (PAGES, {-1: {"page": 9}}, 0.0),
        (PAGES, {}, 0.0),
    ],
)
def test_points_for_events(rule: Rule, days: dict[int, dict[str, int]], points: float) -> None:
    lead = LeadProfile(lead_id="e-1", days=[Day(day=TODAY - ago, counts=did_) for ago, did_ in days.items()])
    found = ledger(of(rule), lead, NOON)
    assert total(found) == pytest.approx(points)
    assert [line.name for line in found] == ["pages"] * bool(points)


@pytest.mark.parametrize(
    ("stated", "text", "holds"),
    [
        (Stated("title", words=frozenset({"head"})), "Head of IT", True),
        (Stated("title", words=frozenset({"head"})), "Headmaster", False),
        (Stated("title", values=frozenset({"head of it"})), " Head of IT ", True),
        (Stated("title", values=frozenset({"head"})), "Head of IT", False),
        (Stated("title", at_least=100.0, at_most=999.0), "250-499 people", True),
        (Stated("title", at_least=100.0), "1,000+", True),
        (Stated("title", at_least=100.0), "99", False),
        (Stated("title", at_most=99.0), "many", False),
        (Stated("title", anything=True), "x", True),
        (Stated("title", anything=True), " ", False),
        (Stated("title", nothing=True), " ", True),
        (Stated("title", nothing=True), "x", False),
    ],
)
def test_points_for_what_is_stated(stated: Stated, text: str, holds: bool) -> None:
    found = ledger(of(Rule("r", "fit", 7.0, stated=stated)), title(text), NOON)
    assert found == ([Line("r", "fit", 7.0)] if holds else [])


def test_what_is_stated_later_gives_nothing_now() -> None:
    rule = Rule("r", "fit", 7.0, stated=Stated("title", anything=True))
    assert not ledger(of(rule), title("x", at=NOON + 1), NOON)


def test_silence_has_its_points_from_its_day_on() -> None:
    rule, lead = Rule("quiet", "engagement", -3.0, quiet_days=30.0), profile(last_seen=NOON)
    assert [total(ledger(of(rule), lead, NOON + days * DAY_S)) for days in (0, 29, 30, 99)] == [0.0, 0.0, -3.0, -3.0]
    assert not ledger(of(rule), LeadProfile(lead_id="e-1"), NOON)


def test_what_bounds_take_is_a_line_of_the_ledger() -> None:
    rules = Rule("a", "fit", 30.0, stated=Stated("title", anything=True)), PAGES
    lead = LeadProfile(lead_id="e-1", days=did(page=20).days, traits=title("x").traits)
    assert ledger(of(*rules, fit=Bounds(cap=25.0), whole=Bounds(cap=50.0)), lead, NOON) == [
        Line("a", "fit", 30.0),
        Line("pages", "engagement", 40.0),
        Line("bounds of fit", "fit", -5.0),
        Line("bounds of the total", "total", -15.0),
    ]


@pytest.mark.parametrize(("evidence", "share"), [(0, 0.0), (50, 0.0), (275, 0.5), (500, 1.0), (9_999, 1.0)])
def test_the_models_share_grows_with_the_evidence(evidence: float, share: float) -> None:
    assert card().share(evidence) == share
