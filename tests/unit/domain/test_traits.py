"""Traits as features."""

from math import isfinite

from hypothesis import given
from hypothesis import strategies as st

from schemas.records import Trait
from streams.domain.features import FEATURES, features, is_fit
from streams.domain.learning import HUGE
from streams.domain.traits import group, trait_features
from tests.builders import NOON, profile

SAID = st.one_of(st.text(max_size=80), st.floats().map(repr), st.integers().map(str))


def stated(**traits: str) -> dict[str, Trait]:
    return {name: Trait(value=value, at=NOON) for name, value in traits.items()}


def test_a_text_is_a_flag_however_it_is_written() -> None:
    assert trait_features(stated(industry=" SaaS"), NOON) == {"trait:industry=saas": 1.0}


def test_a_number_is_measured_and_binned() -> None:
    found = trait_features(stated(seats="3", rate="0.3"), NOON)
    assert found.keys() == {"trait:seats", "trait:seats#3", "trait:rate", "trait:rate#2^-2"}
    assert found["trait:seats#3"] == 1.0


def test_what_has_a_feature_of_its_own_is_not_told_twice() -> None:
    lead = profile(traits=stated(title="CTO", seniority="chief", employees="12", account="example.com"))
    assert features(lead, NOON).keys() == FEATURES.keys()


def test_what_is_stated_later_is_not_seen_yet() -> None:
    assert trait_features(stated(plan="trial"), NOON - 1) == {}


@given(st.dictionaries(st.sampled_from(["plan", "emp.var"]), SAID, max_size=2))
def test_whatever_is_stated_gives_few_features_that_can_be_learned(said: dict[str, str]) -> None:
    found = trait_features(stated(**said), NOON)
    assert len(found) <= 2 * len(said)
    assert all(isfinite(value) and abs(value) <= HUGE for value in found.values())
    assert all(is_fit(name) for name in found)
    assert {group(name) for name in found} <= {"", "trait:plan", "trait:emp.var"}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_has_one_of_few_bins(number: float) -> None:
    (flag,) = (name for name in trait_features(stated(x=repr(number)), NOON) if group(name))
    name = flag.partition("#")[2]
    assert name.lstrip("-").isdecimal() or -16 <= int(name.partition("^")[2]) <= 16
