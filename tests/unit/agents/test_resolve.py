"""resolve: whom an event is about, and what is refused."""

from math import inf, nan
from typing import Any, NamedTuple

import pytest

from schemas.keys import pseudonym, rank
from schemas.person import unseal
from schemas.records import Kind, Link, Outcome, OutcomeKind, RawEvent, Touchpoint, Visitor
from schemas.rejected import Reason, Rejected
from schemas.sighting import Identifiers, Sighting
from schemas.step import Applied
from schemas.topics import EVENTS_WEB, TOUCHPOINTS
from streams.agents.resolve import AHEAD_S, OLDEST_S, make_resolve
from tests.builders import NOON, raw_event, sighting

PEPPER = b"pepper"
DAY_S = 86_400.0


def lead(kind: str, value: str) -> str:
    return pseudonym(kind, value, PEPPER)


V, U, E, P = lead("v", "anon"), lead("u", "42"), lead("e", "jane@example.com"), lead("p", "+442079460958")
JOE = lead("e", "joe@example.com")


def key(said: Sighting) -> str:
    who = said.identifiers
    if said.outcome and who.lead:
        return who.lead
    for kind, value in (("v", who.visitor), ("u", who.user), ("e", who.email.lower()), ("p", who.phone)):
        if value:
            return lead(kind, value)
    return who.lead


def resolve(said: Sighting, row: Visitor | None = None, **changed: Any) -> Applied:
    """One event through the step, under its right key."""
    agent = make_resolve({"site": lambda _: said}, PEPPER)
    return agent.step((row, None), raw_event(**{"key": key(said), "event_id": said.id, **changed}))


def touch_of(applied: Applied) -> Touchpoint:
    (touch,) = (emit.record for emit in applied.emits if isinstance(emit.record, Touchpoint))
    return touch


def links_of(applied: Applied) -> set[tuple[str, str]]:
    assert all(emit.topic is TOUCHPOINTS for emit in applied.emits)
    return {(emit.key, emit.record.into) for emit in applied.emits if isinstance(emit.record, Link)}


def row_of(applied: Applied) -> Visitor | None:
    row, _ = applied.states
    assert row is None or isinstance(row, Visitor)
    return row


def known_as(lead_id: str, at: float = NOON - 1) -> Visitor:
    return Visitor(visitor_id=V, lead_id=lead_id, identified=True, at=at)


ANONYMOUS = Visitor(visitor_id=V, lead_id=V)

DESK, SEVEN = lead("e", "info@example.com"), lead("u", "7")


class Story(NamedTuple):
    """Who an event names, the row before it; then the touchpoint's lead, the row's lead after it, and the links."""

    who: dict[str, str]
    row: Visitor | None
    lead_id: str
    row_lead: str | None
    links: set[tuple[str, str]]


def story(row: Visitor | None, lead_id: str, row_lead: str | None, *links: tuple[str, str], **who: str) -> Story:
    return Story(who, row, lead_id, row_lead, set(links))


ON_DEVICE = {"visitor": "anon"}
LOGIN = {"visitor": "anon", "user": "42"}
FORM = {"visitor": "anon", "email": "jane@example.com"}
BOTH = {"visitor": "anon", "user": "42", "email": "jane@example.com"}
STORIES = {
    "a new visitor is an anonymous lead": story(None, V, V, **ON_DEVICE),
    "a known visitor's page views are the lead's": story(known_as(E), E, E, **ON_DEVICE),
    "a visitor who identifies is linked": story(ANONYMOUS, E, E, (V, E), **FORM),
    "a visitor who identifies at once left nothing to link": story(None, E, E, **FORM),
    "a visitor who logs in is the user": story(ANONYMOUS, U, U, (V, U), **LOGIN),
    "a user's address is the user": story(known_as(U), E, E, (U, E), **BOTH),
    "all three in one event are one person": story(ANONYMOUS, E, E, (V, E), (U, E), **BOTH),
    "a user whose visitor is known by address is that person": story(known_as(E), E, E, **LOGIN),
    "another user on the device is another lead": story(known_as(SEVEN), U, U, **LOGIN),
    "another address on the device is another lead, not linked": story(known_as(JOE), E, E, **FORM),
    "an address after a login links only what one event proves": story(known_as(U), E, E, **FORM),
    "late news of an earlier user leaves the device as it is": story(known_as(JOE, at=NOON + 1), E, JOE, **FORM),
    "a role mailbox is a lead of its own": story(ANONYMOUS, DESK, V, visitor="anon", email="info@example.com"),
    "a role mailbox takes no known visitor": story(known_as(E), DESK, E, visitor="anon", email="info@example.com"),
    "a user who gives a role mailbox is still the user": story(None, U, None, user="42", email="info@example.com"),
    "a phone number is a person": story(ANONYMOUS, P, P, (V, P), visitor="anon", phone="+44 20 7946 0958"),
    "an address goes before a number": story(None, E, None, email="jane@example.com", phone="+442079460958"),
    "junk links nothing": story(ANONYMOUS, V, V, visitor="anon", user="null", email="test@example.com"),
}


@pytest.mark.parametrize("name", STORIES)
def test_an_event_belongs_to_the_right_lead(name: str) -> None:
    who, row, lead_id, row_lead, links = STORIES[name]
    applied = resolve(sighting(**who), row)
    after = row_of(applied)
    assert applied.fate == "touchpoint"
    assert touch_of(applied).lead_id == lead_id
    assert (after.lead_id if after else None) == row_lead
    assert links_of(applied) == links


def test_the_row_is_left_alone_when_nothing_new_is_known() -> None:
    row = known_as(E)
    assert row_of(resolve(sighting(visitor="anon"), row)) is row


def test_a_link_is_only_ever_upward() -> None:
    for who, row, *_ in STORIES.values():
        assert all(rank(into) > rank(from_) for from_, into in links_of(resolve(sighting(**who), row)))


def test_a_user_without_a_visitor_remembers_its_address() -> None:
    row = row_of(resolve(sighting(user="42", email="jane@example.com")))
    assert row is not None
    assert touch_of(resolve(sighting(user="42", id="s2"), row)).lead_id == E


def test_an_event_under_the_wrong_key_is_sent_again_under_its_own() -> None:
    applied = resolve(sighting(visitor="anon"), key="v-wrong")
    (emit,) = applied.emits
    assert (applied.fate, emit.topic, emit.key) == ("rekeyed", EVENTS_WEB, V)
    assert isinstance(emit.record, RawEvent)
    assert resolve(sighting(visitor="anon"), key=emit.record.key).fate == "touchpoint"


@pytest.mark.parametrize(
    ("occurred_at", "reason"),
    [
        (NOON + AHEAD_S + 1, Reason.FUTURE),
        (NOON - OLDEST_S - 1, Reason.ANCIENT),
        (nan, Reason.INVALID_VALUE),
        (inf, Reason.INVALID_VALUE),
    ],
)
def test_an_impossible_time_is_refused(occurred_at: float, reason: Reason) -> None:
    with pytest.raises(Rejected) as caught:
        resolve(sighting(visitor="anon", occurred_at=occurred_at))
    assert caught.value.reason is reason


def test_a_clock_somewhat_ahead_is_set_to_the_time_of_arrival() -> None:
    assert touch_of(resolve(sighting(visitor="anon", occurred_at=NOON + AHEAD_S))).occurred_at == NOON


@pytest.mark.parametrize("changed", [{"value": nan}, {"weight": nan}, {"weight": -1.0}, {"weight": 2.0}], ids=str)
def test_an_impossible_number_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(Rejected) as caught:
        resolve(sighting(visitor="anon", **changed))
    assert caught.value.reason is Reason.INVALID_VALUE


def test_a_source_without_an_adapter_is_refused() -> None:
    with pytest.raises(Rejected) as caught:
        resolve(sighting(visitor="anon"), source="nobody")
    assert caught.value.reason is Reason.UNKNOWN_SOURCE


def test_denied_analytics_leaves_no_trace() -> None:
    assert resolve(sighting(visitor="anon", consent={"analytics": False})) == Applied(
        (None, None), (), "consent_dropped"
    )


def test_a_withdrawal_is_kept_bare_even_where_nothing_else_may_be() -> None:
    said = sighting(
        email="jane@example.com", page="/secret", person={"name": "J"}, consent={"analytics": False, "contact": False}
    )
    touch = touch_of(resolve(said))
    assert (touch.kind, touch.weight, touch.page, touch.person) == (Kind.OTHER, 0.0, "", b"")
    assert touch.consent["contact"] is False


def test_a_test_event_goes_nowhere() -> None:
    applied = resolve(sighting(email="jane@example.com", test=True))
    assert (applied.fate, applied.emits) == ("test", ())


def test_an_outcome_goes_to_the_lead_it_names_or_to_its_address() -> None:
    for said in (
        sighting(lead=E, outcome=OutcomeKind.WON),
        sighting(email="jane@example.com", outcome=OutcomeKind.WON),
    ):
        applied = resolve(said)
        (emit,) = applied.emits
        assert (applied.fate, emit.key) == ("outcome", E)
        assert isinstance(emit.record, Outcome)


@pytest.mark.parametrize(
    ("who", "reason"),
    [
        ({"lead": "00Q5e000001"}, Reason.JUNK_ID),
        ({"lead": "00Q5e000001", "email": "jane@example.com"}, Reason.JUNK_ID),
        ({"visitor": "anon"}, Reason.MISSING_ID),
    ],
    ids=str,
)
def test_an_outcome_of_nobody_we_know_of_is_refused(who: dict[str, str], reason: Reason) -> None:
    with pytest.raises(Rejected) as caught:
        resolve(sighting(**who, outcome=OutcomeKind.WON))
    assert caught.value.reason is reason


def test_a_retry_is_the_same_touchpoint_and_another_payload_is_told_by_its_digest() -> None:
    first = touch_of(resolve(sighting(visitor="anon", person={"ip": "192.0.2.0"})))
    retry = touch_of(
        resolve(sighting(visitor="anon", person={"ip": "198.51.100.0"}, occurred_at=NOON - 1), received_at=NOON + 9)
    )
    other = touch_of(resolve(sighting(visitor="anon", page="/other")))
    assert (first.id, first.digest) == (retry.id, retry.digest)
    assert first.id == other.id
    assert first.digest != other.digest


def test_two_sources_may_use_the_same_event_id() -> None:
    agent = make_resolve({"a": lambda _: sighting(visitor="anon"), "b": lambda _: sighting(visitor="anon")}, PEPPER)
    ids = {touch_of(agent.step((None, None), raw_event(key=V, source=source))).id for source in "ab"}
    assert len(ids) == 2


def test_what_sales_needs_to_reach_the_lead_travels_sealed_and_nowhere_else() -> None:
    touch = touch_of(resolve(sighting(email="Jane@Example.com", phone="+442079460958", person={"first_name": "Jane"})))
    assert unseal(touch.person, touch.person_key) == {
        "first_name": "Jane",
        "email": "jane@example.com",
        "phone": "+442079460958",
    }
    assert "jane" not in repr([getattr(touch, name) for name in touch.__struct_fields__ if name != "person"]).lower()
    assert touch.account == "example.com"


def test_an_account_is_made_of_the_registrable_domain() -> None:
    said = sighting(email="jane@eu.example.com")
    agent = make_resolve({"site": lambda _: said}, PEPPER, registrable=lambda host: host.removeprefix("eu."))
    assert touch_of(agent.step((None, None), raw_event(key=key(said)))).account == "example.com"


def test_an_event_without_an_id_of_its_sender_is_known_by_that_of_its_raw_event() -> None:
    said = sighting(visitor="anon", id="")
    assert touch_of(resolve(said, event_id="a")).id != touch_of(resolve(said, event_id="b")).id


def test_identifiers_are_never_part_of_a_refusal() -> None:
    with pytest.raises(Rejected) as caught:
        resolve(sighting(email="test@secret.example"), key="e-1")
    assert "secret" not in str(caught.value)
    assert Identifiers(email="test@secret.example").email not in caught.value.detail


def test_only_the_traits_that_may_be_kept_go_on() -> None:
    said = sighting(visitor="anon", traits={"industry": "SaaS", "plan": "trial", "shoe_size": "44"})
    assert touch_of(resolve(said)).traits == {"industry": "SaaS"}
    agent = make_resolve({"site": lambda _: said}, PEPPER, traits=frozenset({"plan"}))
    assert touch_of(agent.step((None, None), raw_event(key=key(said)))).traits == {"industry": "SaaS", "plan": "trial"}


def test_which_traits_are_kept_does_not_decide_what_is_a_repeat() -> None:
    said = sighting(visitor="anon", traits={"plan": "trial", "team": "3"})
    turned = sighting(visitor="anon", traits={"team": "3", "plan": "trial"})
    keeping = make_resolve({"site": lambda _: turned}, PEPPER, traits=frozenset({"plan"}))
    again = touch_of(keeping.step((None, None), raw_event(key=key(turned), event_id=turned.id)))
    assert again.digest == touch_of(resolve(said)).digest
    assert again.digest != touch_of(resolve(sighting(visitor="anon", traits={"plan": "paid", "team": "3"}))).digest
