"""Where a lead goes: one row for each rule, and for each pair of rules that could be confused."""

from typing import Any

import pytest

from schemas.records import Consent, Roster, Seat, Stage
from streams.domain.rotation import Owner
from streams.domain.routing import HOLD, NURTURE, POOL, RULES, SALES, Case, Decision, Routing, always, improves, route
from tests.builders import NOON, profile

ROUTING = Routing(
    threshold=0.5, owners=(Owner("ann"), Owner("bob")), owners_by_account={"example.com": "kim"}, rest_s=10.0
)
DENIED = {"contact": Consent(granted=False, at=NOON)}

CASES: dict[str, tuple[dict[str, Any], tuple[str, str, str]]] = {
    "a cool lead is nurtured": ({"score": 0.49}, (NURTURE, "", "otherwise")),
    "a hot lead goes to the pool": ({"score": 0.5}, (SALES, "ann", "hot")),
    "a lead of a named account goes to its owner, however cool": (
        {"account": "example.com"},
        (SALES, "kim", "account owner"),
    ),
    "an owned lead stays with its owner, whoever owns the account": (
        {"owner": "bob", "account": "example.com", "score": 0.9},
        (SALES, "bob", "already owned"),
    ),
    "no consent to contact holds even an owned lead": (
        {"owner": "bob", "score": 0.9, "consent": DENIED},
        (HOLD, "bob", "no consent to contact"),
    ),
    "a disqualified lead is held, however hot": (
        {"score": 0.9, "stage": Stage.DISQUALIFIED},
        (HOLD, "", "disqualified"),
    ),
    "a lead that sales gave back just now rests": (
        {"score": 0.9, "stage": Stage.RECYCLED, "stage_at": NOON - 9},
        (NURTURE, "", "otherwise"),
    ),
    "a lead that has rested may be hot again": (
        {"score": 0.9, "stage": Stage.RECYCLED, "stage_at": NOON - 10},
        (SALES, "ann", "hot"),
    ),
    "a resting lead does not go back to the account's owner either": (
        {"account": "example.com", "stage": Stage.RECYCLED, "stage_at": NOON},
        (NURTURE, "", "otherwise"),
    ),
}


@pytest.mark.parametrize("story", CASES, ids=str)
def test_the_first_rule_that_holds_decides(story: str) -> None:
    lead, expected = CASES[story]
    decision = route(Case(profile(**lead), NOON, ROUTING), None)
    assert (decision.destination, decision.owner, decision.rule) == expected


def test_the_last_rule_always_holds() -> None:
    assert RULES[-1].when is always


def test_who_never_consented_is_held_where_the_house_asks_first() -> None:
    routing = ROUTING._replace(contact_unless_denied=False)
    assert route(Case(profile(score=0.9), NOON, routing), None).destination == HOLD


def test_a_decision_names_those_who_were_passed_over_and_why() -> None:
    routing = ROUTING._replace(owners=(Owner("ann", cap=0), Owner("bob"), Owner("cy")))
    decision = route(Case(profile(score=0.9), NOON, routing), None)
    assert {it.owner: it.excluded for it in decision.candidates} == {
        "ann": "at the daily cap of 0",
        "bob": "",
        "cy": "another's turn",
    }


def test_when_all_are_at_their_caps_the_lead_goes_to_sales_unowned_and_the_rule_says_so() -> None:
    routing = ROUTING._replace(owners=(Owner("ann", cap=1),))
    full = Roster(pool=POOL, day=int(NOON // 86_400), seats=[Seat(owner="ann", taken=1)])
    decision = route(Case(profile(score=0.9), NOON, routing), full)
    assert (decision.destination, decision.owner) == (SALES, "")
    assert decision.rule == "hot, but every owner is at the daily cap"


@pytest.mark.parametrize(
    ("before", "owner", "destination", "to", "news"),
    [
        ("", "", NURTURE, "", True),
        (NURTURE, "", NURTURE, "", False),
        (NURTURE, "", SALES, "ann", True),
        (HOLD, "", NURTURE, "", True),
        (SALES, "ann", SALES, "ann", False),
        (SALES, "", SALES, "ann", True),
        (SALES, "", SALES, "", False),
        (SALES, "", NURTURE, "", False),
        (SALES, "ann", HOLD, "ann", True),
        (HOLD, "", HOLD, "", False),
    ],
)
def test_only_news_is_announced(before: str, owner: str, destination: str, to: str, news: bool) -> None:
    lead = profile(destination=before, owner=owner)
    assert improves(lead, Decision(destination, to, "a rule", [], None)) is news


@pytest.mark.parametrize(
    ("known", "lot", "found"),
    [
        ({"score": 0.1, "stage": Stage.LEAD}, 0.03, (SALES, "explored", 0.04)),
        ({"score": 0.1, "stage": Stage.LEAD}, 0.04, (NURTURE, "otherwise", 0.96)),
        ({"score": 0.9, "stage": Stage.LEAD}, 0.03, (SALES, "hot", 1.0)),
        ({"score": 0.1, "stage": Stage.LEAD, "route_seq": 1}, 0.03, (NURTURE, "otherwise", 1.0)),
        ({"score": 0.1, "stage": Stage.RECYCLED}, 0.03, (NURTURE, "otherwise", 1.0)),
        ({"score": 0.1, "stage": Stage.LEAD, "consent": DENIED}, 0.03, (HOLD, "no consent to contact", 1.0)),
    ],
)
def test_a_new_lead_is_explored_by_lot_and_its_chance_is_told(
    known: dict[str, Any], lot: float, found: tuple[str, str, float]
) -> None:
    made = route(Case(profile(**known), NOON, ROUTING._replace(explore=0.04), lot), None)
    assert (made.destination, made.rule, made.propensity) == found


def test_nobody_is_explored_unless_told() -> None:
    assert route(Case(profile(score=0.1, stage=Stage.LEAD), NOON, ROUTING, 0.0), None).rule == "otherwise"
