"""The conversion function: what should speak for a lead does, what should speak against it does."""

import random
from itertools import pairwise

import pytest

from streams.demo.journeys import journey
from streams.demo.odds import INDUSTRIES, Seen, chance
from streams.demo.people import Role, person

AVERAGE = Seen(1, 90, "Logistics", 1, demo_requested=False, email_clicks=0, paid=False, idle_days=1.0)


@pytest.mark.parametrize(
    ("name", "rising"),
    [
        ("seniority", [-1, 0, 1, 2, 3]),
        ("employees", [1, 8, 90, 2500]),
        ("industry", sorted(INDUSTRIES, key=INDUSTRIES.__getitem__)),
        ("pricing_views", [0, 1, 2, 4]),
        ("demo_requested", [False, True]),
        ("email_clicks", [0, 1, 2]),
        ("paid", [True, False]),
        ("idle_days", [9.0, 2.0, 0.0]),
    ],
)
def test_more_of_what_speaks_for_a_lead_makes_it_likelier(name: str, rising: list[object]) -> None:
    chances = [chance(AVERAGE._replace(**{name: value})) for value in rising]  # type: ignore[arg-type]
    assert all(lower < higher for lower, higher in pairwise(chances))


def test_noise_moves_a_chance_and_never_leaves_the_unit_interval() -> None:
    assert 0.0 < chance(AVERAGE, -30.0) < chance(AVERAGE) < chance(AVERAGE, 30.0) <= 1.0


def test_leads_from_large_companies_in_the_right_industry_convert_more_often() -> None:
    fit: dict[bool, list[bool]] = {True: [], False: []}
    for number in range(1500):
        who = person(number, "odds")
        if who.role is not Role.LEAD:
            continue
        events = journey(who, random.Random(number), 0.0)
        strong = who.company.employees >= 180 and INDUSTRIES[who.company.industry] > 0
        fit[strong].append(any(event.kind == "meeting" for event in events))
    rates = {strong: sum(converted) / len(converted) for strong, converted in fit.items()}
    assert rates[True] > rates[False] + 0.2
