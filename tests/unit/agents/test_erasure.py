"""Erasure in the fold: what is left, who is told, what is kept out, and how a lead comes back."""

from typing import Any

import pytest
from msgspec.structs import replace

from schemas.erased import is_erased
from schemas.learning import Withdrawal
from schemas.records import Kind, LeadProfile, Merge, OutcomeKind, Record, RoutedLead, Stage, Touchpoint
from streams.agents.joining import decision_id
from streams.domain.profile import person
from streams.domain.seen import ENTRY
from tests.builders import NOON, hex_id, outcome, touchpoint
from tests.folding import World, link

V, U, E = (f"{kind}-{'0' * 24}" for kind in "vue")
JANE: dict[str, Any] = {
    "kind": Kind.DEMO_REQUEST,
    "account": "example.com",
    "traits": {"title": "Director", "employees": "250", "industry": "Software"},
    "campaign_source": "search",
    "consent": {"contact": True},
    "person": {"email": "jane@example.com"},
}
AT = NOON + 100


def erasure(lead_id: str = E, at: float = AT) -> Touchpoint:
    denied = dict.fromkeys(("ads", "analytics", "contact", "store"), False)
    return touchpoint(lead_id, int(at), kind=Kind.ERASURE, occurred_at=at, weight=0.0, consent=denied)


def told_to_forget(world: World) -> list[RoutedLead]:
    return [it for it in world.routed if it.erased_at]


def test_a_stub_is_left_that_says_when_and_that_nothing_is_allowed() -> None:
    world = World().tell(touchpoint(E, 1, **JANE), outcome(OutcomeKind.ACCEPTED, E)).tell(erasure(at=NOON + 5_000))
    stub = world.lead(E)
    denied = {name: stated.granted for name, stated in stub.consent.items()}
    assert denied == dict.fromkeys(("ads", "analytics", "contact", "store"), False)
    assert stub == LeadProfile(
        lead_id=E, version=3, route_seq=2, consent=stub.consent, seen=stub.seen, erased_at=NOON + 5_000
    )
    assert len(stub.seen) == ENTRY, "of all that was counted, only the wish itself"
    assert world.fates[-1] == "erased"
    assert is_erased(stub)


def test_subscribers_are_told_to_forget_the_lead_and_nothing_else_of_it() -> None:
    world = World().tell(touchpoint(E, 1, **JANE)).tell(erasure())
    was, told = world.routed
    assert (was.erased_at, told.erased_at) == (0.0, AT)
    assert (told.destination, told.rule, told.stage, told.route_seq) == ("hold", "erased", Stage.ANONYMOUS, 2)
    assert (told.account, told.owner, told.reasons, told.person, told.first_visit) == ("", "", [], b"", None)
    assert told.decision_id == decision_id(E, 2)
    assert told.cause == erasure().id
    assert set(told.consent.values()) == {False}
    assert [it for it in world.sent if isinstance(it, Withdrawal)] == [Withdrawal(lead_id=E, into="", at=AT)]


@pytest.mark.parametrize(
    "late",
    [
        touchpoint(E, 50, **JANE),
        touchpoint(E, 100, **JANE),
        touchpoint(E, 101),
        touchpoint(E, 102, consent={"analytics": True}),
        touchpoint(E, 103, **(JANE | {"consent": {"contact": True, "store": False}})),
        touchpoint(E, 104, **(JANE | {"consent": {}})),
        erasure(at=AT - 1),
        outcome(OutcomeKind.WON, E),
    ],
    ids=[
        "from before",
        "of the very moment",
        "silent",
        "allowed by a device only",
        "allowed and not to be kept",
        "named and silent",
        "an earlier wish",
        "of the CRM",
    ],
)
def test_the_stub_keeps_out_what_was_and_what_is_not_allowed(late: Record) -> None:
    world = World().tell(touchpoint(E, 1, **JANE)).tell(erasure())
    stub, sent = world.lead(E), len(world.sent)
    world.tell(late, late)
    assert world.lead(E) is stub
    assert world.fates[-2:] == ["suppressed", "suppressed"]
    assert len(world.sent) == sent


def test_who_allows_something_again_and_says_who_they_are_starts_anew() -> None:
    world = World().tell(touchpoint(E, 1, **JANE)).tell(erasure())
    world.tell(touchpoint(E, 200, **(JANE | {"kind": Kind.FORM, "person": {"first_name": "Jane"}})))
    lead = world.lead(E)
    assert (lead.touches, lead.first_seen, person(lead)) == (1, NOON + 200, {"first_name": "Jane"})
    assert (lead.erased_at, lead.route_seq, lead.stage) == (AT, 3, Stage.MQL)
    assert [it.route_seq for it in world.routed] == [1, 2, 3]
    world.tell(touchpoint(E, 201), touchpoint(E, 99, **JANE), outcome(OutcomeKind.MEETING, E))
    assert world.fates[-3:] == ["applied", "suppressed", "applied"]
    assert world.lead(E).touches == 2


def test_what_they_do_not_allow_again_stays_forbidden() -> None:
    world = World().tell(touchpoint(E, 1, **JANE)).tell(erasure())
    world.tell(touchpoint(E, 200, **(JANE | {"consent": {"analytics": True}})))
    assert not world.lead(E).consent["contact"].granted
    assert world.routed[-1].destination == "hold"


def test_whoever_is_known_by_a_visitor_or_a_user_id_needs_no_address_to_come_back() -> None:
    world = World().tell(touchpoint(U, 1)).tell(erasure(U)).tell(touchpoint(U, 200, consent={"analytics": True}))
    assert world.lead(U).touches == 1


def test_a_second_wish_counts_from_then_on_and_is_told_again() -> None:
    world = World().tell(touchpoint(E, 1, **JANE)).tell(erasure(), erasure(at=AT + 9))
    assert world.lead(E).erased_at == AT + 9
    assert [it.route_seq for it in told_to_forget(world)] == [2, 3]


def test_somebody_nobody_knows_is_kept_out_from_then_on() -> None:
    world = World().tell(erasure()).tell(touchpoint(E, 1, **JANE))
    assert world.fates == ["erased", "suppressed"]
    assert [it.lead_id for it in world.routed] == [E]


def test_a_stub_that_forwards_forwards_an_erasure_too() -> None:
    world = World().tell(touchpoint(V, 1), link(V, E)).tell(touchpoint(E, 2, **JANE)).tell(erasure(V))
    assert is_erased(world.lead(E))
    assert world.lead(V) == LeadProfile(lead_id=V, version=2, merged_into=E)


def test_who_was_told_of_an_absorbed_lead_forgets_it_under_that_name_too() -> None:
    world = World().tell(touchpoint(V, 1), touchpoint(U, 2, **JANE)).tell(link(V, U)).tell(touchpoint(E, 3, **JANE))
    world.tell(link(U, E)).tell(erasure())
    assert [it.lead_id for it in told_to_forget(world)] == [E, U]
    of_user = [it.route_seq for it in world.routed if it.lead_id == U]
    assert of_user == sorted(set(of_user))
    assert world.lead(E).known_as == []


def test_what_an_absorbed_lead_brings_after_the_erasure_is_forgotten_on_arrival() -> None:
    world = World().tell(touchpoint(U, 1, **JANE), erasure()).tell(link(U, E, 300))
    assert is_erased(world.lead(E))
    assert (world.lead(E).traits, world.lead(E).person, world.lead(E).touches) == ({}, b"", 0)
    assert [it.lead_id for it in told_to_forget(world)] == [E, U]


def test_the_erasure_of_an_absorbed_lead_is_that_of_the_person() -> None:
    world = World().tell(touchpoint(U, 1), touchpoint(E, 2, **JANE)).tell(erasure(U)).tell(link(U, E, 300))
    assert is_erased(world.lead(E))
    assert (world.lead(E).erased_at, world.lead(E).person) == (AT, b"")
    assert [it.lead_id for it in told_to_forget(world)] == [U, E]


@pytest.mark.parametrize("linked_first", [True, False])
def test_who_comes_back_under_another_name_keeps_what_they_allowed(linked_first: bool) -> None:
    back = touchpoint(E, 300, **JANE)
    world = World().tell(touchpoint(U, 1)).tell(erasure(U))
    for record in (link(U, E, 300), back) if linked_first else (back, link(U, E, 300)):
        world.tell(record)
    lead = world.lead(E)
    assert (lead.touches, lead.erased_at, person(lead)) == (1, AT, {"email": "jane@example.com"})
    assert [it.lead_id for it in told_to_forget(world)] == [U]


def test_a_merge_that_comes_twice_is_told_once() -> None:
    absorbed = World().tell(touchpoint(U, 1, **JANE)).lead(U)
    merge = Merge(id=hex_id("m"), lead_id=E, absorbed=absorbed, cause=hex_id("c"), occurred_at=AT + 9, received_at=AT)
    world = World().tell(erasure(), merge, merge)
    assert world.fates == ["erased", "merged", "merge_repeated"]
    assert [it.lead_id for it in told_to_forget(world)] == [E, U]


def test_two_wishes_of_one_moment_are_both_heeded_and_each_once() -> None:
    other = replace(erasure(), id=hex_id("another name of theirs"))
    world = World().tell(touchpoint(E, 1, **JANE), erasure(), other, erasure(), other)
    assert world.fates[1:] == ["erased", "erased", "suppressed", "suppressed"]
    assert [it.cause for it in told_to_forget(world)] == [erasure().id, other.id]


def test_who_came_back_and_withdraws_is_no_stub_and_sales_hear_of_it() -> None:
    world = World().tell(touchpoint(E, 1, **JANE), erasure(), touchpoint(E, 200, **JANE))
    assert world.routed[-1].destination != "hold"
    world.tell(touchpoint(E, 300, kind=Kind.UNSUBSCRIBE, consent={"contact": False}))
    assert (is_erased(world.lead(E)), world.routed[-1].destination) == (False, "hold")


def test_a_list_that_is_imported_again_brings_nobody_back() -> None:
    row = JANE | {"kind": Kind.CONTACT, "weight": 0.0, "weight_reason": "list"}
    world = World().tell(touchpoint(E, 1, **JANE), erasure(), touchpoint(E, 200, **row))
    assert (world.fates[-1], world.lead(E).person) == ("suppressed", b"")


def test_a_merge_keeps_nothing_from_before_the_erasure_however_it_was_told() -> None:
    mail = touchpoint(
        E, 50, kind=Kind.EMAIL_DELIVERED, weight=0.0, traits={"title": "OLD"}, person={"first_name": "OLD"}
    )
    world = World().tell(mail, touchpoint(E, 200, **JANE), erasure(U), link(U, E))
    assert "title" not in world.lead(E).traits
    assert person(world.lead(E)) == {}


def test_an_earlier_wish_that_comes_when_they_are_back_takes_nothing_from_them_and_keeps_out_what_was_before() -> None:
    world = World().tell(touchpoint(E, 1, **JANE), erasure(), touchpoint(E, 200, **JANE))
    back, sent = world.lead(E), len(world.sent)
    world.tell(erasure(at=AT + 50), erasure(at=AT + 50), touchpoint(E, 149, **JANE))
    assert world.fates[-3:] == ["erased", "suppressed", "suppressed"]
    after = world.lead(E)
    assert replace(after, version=back.version, seen=back.seen, erased_at=AT) == back
    assert (after.erased_at, len(world.sent)) == (AT + 50, sent)
    world.tell(erasure(at=NOON + 200))
    assert is_erased(world.lead(E))


def test_who_is_back_under_two_names_of_which_one_was_erased_in_between_stays() -> None:
    world = World().tell(touchpoint(E, 1, **JANE), erasure(), touchpoint(E, 200, **JANE))
    world.tell(touchpoint(U, 1), erasure(U, at=AT + 50), link(U, E, 300))
    assert (world.lead(E).touches, world.lead(E).erased_at) == (1, AT + 50)
    assert person(world.lead(E)) == {"email": "jane@example.com"}
