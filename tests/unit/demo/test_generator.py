"""The made-up month: the same for a seed, in order, and of everything the share that real traffic has."""

import json
from collections import Counter

import pytest

from streams.demo.generator import generate, timeline
from streams.demo.journeys import PERIOD
from streams.demo.sends import Door, Event

ENDS = 1_790_000_000.0


@pytest.fixture(scope="module")
def month() -> list[Event]:
    return timeline(7, 4000, ENDS)


def test_the_same_seed_makes_the_same_bytes() -> None:
    assert list(generate(7, 600, ENDS)) == list(generate(7, 600, ENDS))


def test_another_seed_or_another_time_makes_other_people() -> None:
    ids = [
        {id_ for send in generate(seed, 300, ends) for id_ in send.ids}
        for seed, ends in ((7, ENDS), (8, ENDS), (7, ENDS + 60))
    ]
    assert ids[0].isdisjoint(ids[1] | ids[2])


@pytest.mark.parametrize("wanted", [100, 600, 4000])
def test_about_as_many_events_are_made_as_were_asked_for(wanted: int) -> None:
    assert 0.9 * wanted <= len(timeline(3, wanted, ENDS)) <= 1.15 * wanted + 30


def test_events_are_sent_in_time_order_within_thirty_days(month: list[Event]) -> None:
    times = [event.at for event in month]
    assert times == sorted(times)
    assert ENDS - PERIOD <= times[0] <= times[-1] <= ENDS


def test_packing_changes_neither_the_events_nor_their_order(month: list[Event]) -> None:
    packed = [id_ for send in generate(7, 4000, ENDS) for id_ in send.ids]
    assert packed == [event.id for event in month]


def test_some_web_events_travel_in_batches_and_some_alone() -> None:
    sizes = Counter(len(send.ids) > 1 for send in generate(7, 4000, ENDS) if send.door is Door.SEGMENT)
    assert min(sizes[True], sizes[False]) > 0.1 * sizes.total()


@pytest.mark.parametrize(
    ("fault", "least", "most"),
    [
        ("duplicate", 0.02, 0.05),
        ("late", 0.005, 0.03),
        ("unparseable", 0.001, 0.01),
        ("junk_id", 0.001, 0.01),
        ("missing_id", 0.001, 0.01),
        ("future", 0.001, 0.01),
        ("ancient", 0.001, 0.01),
    ],
)
def test_each_fault_has_its_share(month: list[Event], fault: str, least: float, most: float) -> None:
    assert least <= sum(event.fault == fault for event in month) / len(month) <= most


@pytest.mark.parametrize(
    ("door", "least", "most"),
    [(Door.SEGMENT, 0.5, 0.85), (Door.SENDGRID, 0.1, 0.35), (Door.CRM, 0.04, 0.15), (Door.GOOGLE, 0.005, 0.05)],
)
def test_every_door_has_its_share(month: list[Event], door: Door, least: float, most: float) -> None:
    assert least <= sum(event.door is door for event in month) / len(month) <= most


def test_a_duplicate_has_the_id_and_the_bytes_of_what_it_repeats(month: list[Event]) -> None:
    originals = {event.id: event.body for event in month if event.fault != "duplicate"}
    repeats = [event for event in month if event.fault == "duplicate"]
    assert repeats
    assert all(originals[event.id] == event.body for event in repeats)


def test_whoever_says_who_they_are_gets_an_outcome_later(month: list[Event]) -> None:
    said: dict[str, float] = {}
    for event in month:
        if event.kind == "identify":
            said.setdefault(json.loads(event.body)["traits"]["email"], event.at)
    told = {json.loads(event.body)["email"]: event.at for event in month if event.door is Door.CRM}
    assert said
    assert all(told[email] > at + 3600 for email, at in said.items())


def test_outcomes_are_told_at_the_time_they_happened(month: list[Event]) -> None:
    outcomes = Counter(event.kind for event in month if event.door is Door.CRM and not event.fault)
    assert outcomes.keys() == {"meeting", "won", "lost", "disqualified"}
    assert 0.2 < outcomes["meeting"] / (outcomes.total() - outcomes["won"]) < 0.6


def test_machines_crawlers_and_refusals_are_among_the_traffic(month: list[Event]) -> None:
    bodies = b"\n".join(event.body for event in month)
    for sign in (
        b"sg_machine_open",
        b"Googlebot",
        b'"analytics":false',
        b'"event":"unsubscribe"',
        b"gclid=",
        b"utm_source=",
    ):
        assert bodies.count(sign) > 2, sign
    assert any(event.gpc for event in month)
