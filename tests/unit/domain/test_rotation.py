"""Whose turn it is."""

from schemas.records import Roster
from streams.domain.rotation import Owner, Turn, take_turn
from tests.builders import NOON

DAY_S = 86_400.0


def turns(owners: tuple[Owner, ...], at: list[float]) -> list[Turn]:
    roster, taken = Roster(pool="sales"), []
    for moment in at:
        taken.append(take_turn(roster, owners, moment))
        roster = taken[-1].roster
    return taken


def test_equal_owners_take_turns() -> None:
    owners = (Owner("ann"), Owner("bob"), Owner("cy"))
    assert [it.owner for it in turns(owners, [NOON] * 6)] == ["ann", "bob", "cy"] * 2


def test_a_double_weight_is_two_leads_in_three_well_spread() -> None:
    owners = (Owner("ann", weight=2), Owner("bob"))
    assert [it.owner for it in turns(owners, [NOON] * 6)] == ["ann", "bob", "ann"] * 2


def test_nobody_gets_more_than_the_cap_and_the_next_day_begins_anew() -> None:
    owners = (Owner("ann", cap=1), Owner("bob", cap=1))
    *today, tomorrow = turns(owners, [NOON] * 3 + [NOON + DAY_S])
    assert [it.owner for it in today] == ["ann", "bob", ""]
    assert tomorrow.owner


def test_a_late_event_does_not_begin_a_day_again() -> None:
    owners = (Owner("ann", cap=1),)
    assert [it.owner for it in turns(owners, [NOON + DAY_S, NOON, NOON + DAY_S])] == ["ann", "", ""]


def test_an_owner_without_a_share_is_passed_over() -> None:
    owners = (Owner("ann", weight=0), Owner("bob"))
    assert {it.owner for it in turns(owners, [NOON] * 4)} == {"bob"}


def test_owners_may_come_and_go() -> None:
    before = turns((Owner("ann"), Owner("bob")), [NOON] * 3)[-1].roster
    after = take_turn(before, (Owner("bob"), Owner("cy")), NOON)
    assert [seat.owner for seat in after.roster.seats] == ["bob", "cy"]


def test_without_owners_the_lead_waits_unowned() -> None:
    assert take_turn(Roster(pool="sales"), (), NOON).owner == ""
