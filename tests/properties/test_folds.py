"""Folds do not care for order, nor for repeats: touchpoints into a profile, profiles into one."""

from functools import reduce
from math import isfinite

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.records import Kind, LeadProfile, Touchpoint
from streams.cards import card
from streams.domain import seen
from streams.domain.blend import Blend
from streams.domain.features import features
from streams.domain.profile import DAY_S, merge, observe
from tests.builders import NOON, hex_id, touchpoint

TEXTS = st.sampled_from(["", "a", "b", "cpc"])
INSTANTS = st.integers(0, 60).map(lambda step: NOON + step * DAY_S * 0.7)
FIELDS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(Kind),
        "occurred_at": INSTANTS,
        "weight": st.sampled_from([0.0, 0.5, 1.0]),
        "campaign_source": TEXTS,
        "campaign_medium": TEXTS,
        "click_id": TEXTS,
        "account": TEXTS,
        "digest": st.integers(0, 2**32 - 1),
        "traits": st.dictionaries(st.sampled_from(["title", "employees", "industry"]), TEXTS, max_size=2),
        "consent": st.dictionaries(st.sampled_from(["contact", "ads"]), st.booleans(), max_size=2),
        "person": st.dictionaries(st.sampled_from(["email", "ip"]), TEXTS, max_size=2),
    }
)


@st.composite
def histories(draw: st.DrawFn, longest: int = 25) -> list[Touchpoint]:
    """What one lead did, every touchpoint with its own id."""
    return [
        touchpoint("e-1", number, **(told | {"id": hex_id(str(number))}))
        for number, told in enumerate(draw(st.lists(FIELDS, min_size=1, max_size=longest)))
    ]


def fold(touches: list[Touchpoint], lead_id: str = "e-1") -> LeadProfile:
    return reduce(observe, touches, LeadProfile(lead_id=lead_id))


def knowledge(profile: LeadProfile) -> LeadProfile:
    """A profile without what is its own, and not its lead's: name, version, and the order it heard things in."""
    return replace(profile, lead_id="", version=0, seen=b"".join(sorted(seen.entries(profile.seen))))


@given(histories(), st.data())
def test_touchpoints_in_any_order_and_repeated_give_the_same_profile(
    touches: list[Touchpoint], draw: st.DataObject
) -> None:
    shuffled = draw.draw(st.permutations(touches + touches[: len(touches) // 2]))
    assert knowledge(fold(shuffled)) == knowledge(fold(touches))
    assert fold(shuffled).version == len(touches)


@given(histories(), st.lists(st.sets(st.integers(0, 2)), min_size=25, max_size=25))
def test_profiles_of_one_person_merge_to_what_one_profile_would_have_been(
    touches: list[Touchpoint], seen_by: list[set[int]]
) -> None:
    """Whoever heard of a touchpoint: one of three profiles, or all of them."""
    parts = [
        fold([it for it, who in zip(touches, seen_by, strict=False) if part in (who or {0})], f"e-{part}")
        for part in range(3)
    ]
    whole = knowledge(fold(touches))
    one, two, three = parts
    assert knowledge(merge(merge(one, two), three)) == whole
    assert knowledge(merge(one, merge(three, two))) == whole
    assert knowledge(merge(merge(two, one), merge(one, three))) == whole


@given(histories())
def test_merging_with_oneself_changes_nothing(touches: list[Touchpoint]) -> None:
    assert knowledge(merge(fold(touches), fold(touches))) == knowledge(fold(touches))


@given(histories(), INSTANTS)
def test_features_are_finite_and_a_score_is_the_sum_of_its_points(touches: list[Touchpoint], now: float) -> None:
    scorer, lead = Blend(card()), fold(touches)
    values = features(lead, now)
    assert all(isfinite(value) for value in values.values())
    score = scorer.score(lead, values, now)
    assert abs(scorer.intercept + sum(scorer.points(lead, values, now).values()) - score.logit) < 1e-9
    assert all(0.0 <= value <= 1.0 for value in (score.probability, score.fit, score.engagement))


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_whatever_people_write_of_themselves_the_features_are_finite(title: str, size: str, industry: str) -> None:
    told = touchpoint(traits={"title": title, "employees": size, "industry": industry})
    assert all(isfinite(value) for value in features(fold([told]), NOON + 1).values())


@settings(max_examples=5)
@given(st.integers(0, 400))
def test_a_long_history_stays_small(extra: int) -> None:
    lead = fold([touchpoint(number=number, occurred_at=NOON + number * 3_600.0) for number in range(400 + extra)])
    assert len(lead.seen) <= seen.CAP * seen.ENTRY
    assert lead.touches == 400 + extra
