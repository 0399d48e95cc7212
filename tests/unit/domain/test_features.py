"""What a model sees of a lead."""

from math import isfinite, log10

import pytest

from schemas.records import Trait
from streams.domain.features import FEATURES, FIT_NAMES, features
from streams.domain.glance import HORIZON
from streams.domain.profile import DAY_S, observe
from tests.builders import NOON, profile, touchpoint


def test_every_feature_has_a_doctest_and_a_place_on_the_scorecard() -> None:
    assert all(">>>" in (feature.__doc__ or "") for feature in FEATURES.values())
    assert set(FEATURES) > FIT_NAMES


def test_an_unknown_lead_has_finite_features() -> None:
    assert all(isfinite(value) for value in features(profile(first_seen=0.0, last_seen=0.0, touches=0), NOON).values())


@pytest.mark.parametrize("name", FEATURES)
def test_what_happens_later_changes_no_feature_of_an_earlier_day(name: str) -> None:
    lead = observe(profile(), touchpoint(number=1))
    later = observe(
        lead, touchpoint(number=2, occurred_at=NOON + 3 * DAY_S, traits={"title": "CEO", "employees": "500"})
    )
    if name not in ("hours_since_last_touch", "has_account"):
        assert features(later, NOON + 2)[name] == features(lead, NOON + 2)[name]
    assert features(later, NOON + 2)["hours_since_last_touch"] == 0.0


def test_activity_fades_by_half_within_its_half_life() -> None:
    lead = observe(profile(), touchpoint(number=1))
    today, in_a_week = features(lead, NOON), features(lead, NOON + 7 * DAY_S)
    assert today["pages_7d"] == pytest.approx(0.693, abs=1e-3)
    assert in_a_week["pages_7d"] == pytest.approx(0.405, abs=1e-3)


def test_what_is_older_than_the_horizon_is_forgotten() -> None:
    lead = observe(profile(), touchpoint(number=1))
    assert features(lead, NOON + (HORIZON + 1) * DAY_S)["pages_30d"] == 0.0


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 0.0),
        ("0", 0.0),
        ("10-49", 1.0),
        ("1,000+", 3.0),
        ("50 000 people", log10(50_000)),
        ("", 0.0),
        ("many", 0.0),
        ("9" * 80, 5.0),
    ],
)
def test_the_size_of_a_company_is_read_from_what_people_write(text: str, size: float) -> None:
    lead = profile(traits={"employees": Trait(value=text, at=NOON)})
    assert features(lead, NOON)["company_size"] == size
