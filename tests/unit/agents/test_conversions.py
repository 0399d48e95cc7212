"""qualify: what ad platforms may be told of, which stages and deals, of whom, and how often."""

from typing import Any

import pytest

from schemas.records import Kind, OutcomeKind, Stage
from tests.builders import outcome, touchpoint
from tests.folding import World, link

U, E = (f"{kind}-{'0' * 24}" for kind in "ue")
HOT: dict[str, Any] = {
    "kind": Kind.DEMO_REQUEST,
    "account": "example.com",
    "traits": {"title": "Director", "employees": "250", "industry": "Software"},
}


def test_each_stage_and_each_deal_of_a_lead_that_granted_it_is_told_once_in_order() -> None:
    won = [outcome(OutcomeKind.WON, E, number, value=value) for number, value in ((3, 18_000.0), (4, 500.0))]
    world = World().tell(touchpoint(E, 1, consent={"ads": True}, **HOT), outcome(OutcomeKind.ACCEPTED, E, 2))
    world.tell(touchpoint(E, 2, **HOT), *won, *won, outcome(OutcomeKind.LOST, E, 5))
    told = [(it.stage, it.outcome, it.value) for it in world.conversions]
    assert told == [
        (Stage.MQL, "", 0.0),
        (Stage.SAL, "accepted", 0.0),
        (Stage.CUSTOMER, "won", 18_000.0),
        (Stage.CUSTOMER, "won", 500.0),
    ]
    ids = {it.decision_id for it in (*world.conversions, *world.routed)}
    assert len(ids) == len(world.conversions) + len(world.routed)


@pytest.mark.parametrize("consent", [{}, {"contact": True}, {"ads": False}])
def test_silence_is_no_consent_to_be_told_of(consent: dict[str, bool]) -> None:
    world = World().tell(touchpoint(E, 1, consent=consent, **HOT), outcome(OutcomeKind.WON, E, 2, value=1.0))
    assert world.conversions == []


def test_who_takes_ads_back_is_told_of_no_more() -> None:
    world = World().tell(touchpoint(E, 1, consent={"ads": True}, **HOT), touchpoint(E, 2, consent={"ads": False}))
    world.tell(outcome(OutcomeKind.WON, E, 3))
    assert [it.stage for it in world.conversions] == [Stage.MQL]


def test_who_asks_to_be_forgotten_is_forgotten_where_conversions_wait() -> None:
    world = World().tell(touchpoint(E, 1, consent={"ads": True}, **HOT), touchpoint(E, 2, kind=Kind.ERASURE))
    world.tell(outcome(OutcomeKind.WON, E, 3))
    told, erased = world.conversions
    assert (told.stage, told.erased_at, erased.lead_id, erased.person) == (Stage.MQL, 0.0, E, b"")
    assert erased.erased_at > told.occurred_at


def test_what_an_absorbed_lead_was_told_of_is_not_told_again() -> None:
    world = World().tell(touchpoint(U, 1, consent={"ads": True}, **HOT), link(U, E), touchpoint(E, 2, **HOT))
    assert [(it.lead_id, it.stage) for it in world.conversions] == [(U, Stage.MQL)]
