"""Clicks of link scanners: every link within seconds. They count for nothing, the first of them neither."""

from functools import reduce
from itertools import permutations
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.quarantine import Crowd
from schemas.records import Channel, Kind, LeadProfile, Record, Touchpoint
from schemas.topics import TOUCHPOINTS, Emit
from streams.agents.resolve import Adapter, make_resolve
from streams.domain.crowds import counted
from streams.domain.flurries import KEPT_S, REASON, ROOM, clicked
from streams.domain.identity import Ids, known
from streams.domain.profile import observe
from tests.builders import NOON, raw_event, sighting, touchpoint


def click(number: int, after_s: float, page: str = "", **changed: object) -> Touchpoint:
    told = {"kind": Kind.EMAIL_CLICK, "channel": Channel.EMAIL, "page": page or f"/{number}", "digest": number}
    return touchpoint("e-1", number, **{"occurred_at": NOON + after_s, **told, **changed})  # type: ignore[arg-type]


def heard(clicks: list[Touchpoint], who: str = "e-1", crowd: Crowd | None = None) -> tuple[Crowd, list[Touchpoint]]:
    told: list[Touchpoint] = []
    for one in clicks:
        crowd, more = clicked(crowd, who, one)
        told += more
    return crowd or Crowd(), told


def weights(told: list[Touchpoint]) -> dict[str, tuple[float, str]]:
    """What each click weighs in the end."""
    return {one.id: (one.weight, one.weight_reason) for one in told}


SCANNER, PERSON = (0.0, REASON), (1.0, "")


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_every_link_within_seconds_is_a_scanners_doing_whichever_is_heard_first(order: tuple[int, ...]) -> None:
    clicks = [click(number, number * 1.0) for number in order]
    assert set(weights(heard(clicks)[1]).values()) == {SCANNER}


@pytest.mark.parametrize(
    "clicks",
    [
        [click(1, 0.0), click(2, 1.0)],
        [click(1, 0.0), click(2, 5.0), click(3, 10.0)],
        [click(number, number * 0.5, page="/pricing") for number in range(5)],
        [click(1, 0.0), click(1, 0.0), click(2, 1.0), click(2, 1.0)],
        [click(number, 0.1 * number, kind=Kind.PAGE) for number in range(5)],
    ],
    ids=["two links", "one after the other", "one link again and again", "repeats", "pages"],
)
def test_what_a_person_may_do_counts(clicks: list[Touchpoint]) -> None:
    assert set(weights(heard(clicks)[1]).values()) == {PERSON}


def test_people_who_click_at_the_same_time_are_no_flurry() -> None:
    crowd, told = None, list[Touchpoint]()
    for number in range(12):
        crowd, more = clicked(crowd, f"e-{number}", click(number, 0.1 * number))
        told += more
    assert set(weights(told).values()) == {PERSON}


def test_a_person_who_clicks_after_the_scanner_counts() -> None:
    _, told = heard([*(click(number, 0.2 * number) for number in range(4)), click(9, 90.0)])
    assert weights(told)[click(9, 90.0).id] == PERSON
    assert sum(weight == SCANNER for weight in weights(told).values()) == 4


def test_what_is_undone_is_undone_once_and_what_a_sender_says_of_a_machine_stays_its_word() -> None:
    said = replace(click(1, 0.0), weight=0.0, weight_reason="scanner click")
    _, told = heard([said, *(click(number, 0.1 * number) for number in range(2, 6))])
    assert [one.id for one in told].count(said.id) == 1
    assert weights(told)[said.id] == (0.0, "scanner click")
    assert len(told) == 5 + 1  # of the four others, one was let through first


def test_the_row_keeps_the_last_minute_and_never_more_than_it_has_room_for() -> None:
    crowd, _ = heard([click(number, 0.0, page="/") for number in range(ROOM * 2)])
    assert len(crowd.clicks) == ROOM
    late = click(999, KEPT_S + 1.0)
    crowd, _ = heard([late], crowd=counted(crowd, "n-1", NOON))
    assert ([one.id for one in crowd.clicks], crowd.counts) == ([late.id], {"n-1": 1})
    assert counted(crowd, "n-2", NOON + 7_200.0).clicks == crowd.clicks


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 80)), max_size=30))
def test_a_profile_has_counted_what_counts_in_the_end_and_no_more(steps: list[tuple[int, int]]) -> None:
    clicks = [click(number, at / 4, page=f"/{page}") for number, (page, at) in enumerate(steps)]
    _, told = heard(clicks)
    lead = reduce(observe, told, LeadProfile(lead_id="e-1"))
    people = sum(weight == PERSON for weight in weights(told).values())
    counts = lead.days[0].counts if lead.days else {}
    assert (lead.touches, counts.get("email_click", 0), counts.get("machine", 0)) == (
        people,
        people,
        len(clicks) - people,
    )
    assert bool(lead.last_seen) == bool(people)
    assert reduce(observe, told, lead) is lead


def test_who_a_scanner_alone_has_clicked_for_is_as_if_nobody_had_been_there() -> None:
    _, told = heard([click(number, 0.3 * number, click_id="gclid:1") for number in range(3)])
    lead = reduce(observe, told, LeadProfile(lead_id="e-1"))
    assert (lead.touches, lead.first_seen, lead.last_seen, lead.first_visit, lead.last_visit) == (
        0,
        0.0,
        0.0,
        None,
        None,
    )
    assert lead.days[0].counts == {"machine": 3}


def test_resolve_tells_of_a_flurry_on_the_leads_own_topic() -> None:
    crowd: Record | None = None
    emits: list[Emit] = []
    for number in range(3):
        said = sighting(
            email="jane@example.com",
            id=f"s{number}",
            kind=Kind.EMAIL_CLICK,
            channel=Channel.EMAIL,
            page=f"/{number}",
            occurred_at=NOON + number / 2,
        )
        agent = make_resolve({"site": cast("Adapter", lambda _, said=said: said)}, b"pepper")
        key = Ids(b"pepper").person(known(said.identifiers))
        applied = agent.step((None, crowd), raw_event(key=key, event_id=said.id, received_at=NOON + number))
        crowd = applied.states[1]
        emits += applied.emits
        assert applied.fate == "touchpoint"
    assert {(emit.topic, emit.key) for emit in emits} == {(TOUCHPOINTS, emits[0].key)}
    assert [emit.record.weight for emit in emits if isinstance(emit.record, Touchpoint)] == [1.0, 1.0, 0.0, 0.0, 0.0]
