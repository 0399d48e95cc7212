"""What a profile remembers of touchpoints."""

import pytest

from schemas.records import Channel, Day, Kind, Prediction
from schemas.rejected import Reason, Rejected
from streams.domain import seen
from streams.domain.profile import DAY_S, DAYS, merge, observe, person
from tests.builders import NOON, profile, touchpoint

ASKED = Prediction(features={"pages_7d": 1.0}, score=0.4, model_version=1, scored_at=NOON)


def test_the_same_touchpoint_twice_is_the_very_same_profile() -> None:
    once = observe(profile(), touchpoint())
    assert observe(once, touchpoint()) is once


def test_the_same_id_with_another_payload_is_a_conflict() -> None:
    lead = observe(profile(), touchpoint(digest=1))
    with pytest.raises(Rejected) as caught:
        observe(lead, touchpoint(digest=2))
    assert caught.value.reason is Reason.ID_CONFLICT


def test_an_id_that_is_not_ours_is_refused() -> None:
    with pytest.raises(Rejected) as caught:
        observe(profile(), touchpoint(id="jane"))
    assert caught.value.reason is Reason.INVALID_VALUE


def test_what_a_machine_did_is_remembered_but_is_no_engagement() -> None:
    opened = touchpoint(kind=Kind.EMAIL_OPEN, channel=Channel.EMAIL, weight=0.0, weight_reason="machine open")
    lead = observe(profile(touches=0, first_seen=0.0, last_seen=0.0), opened)
    assert (lead.touches, lead.first_seen, lead.last_seen) == (0, 0.0, 0.0)
    assert lead.days == [Day(day=int(NOON // DAY_S), counts={"machine": 1})]
    assert observe(lead, opened) is lead


def test_only_the_latest_active_days_are_kept_and_a_day_lost_never_returns() -> None:
    lead = profile()
    for number in range(DAYS + 5):
        lead = observe(lead, touchpoint(number=number, occurred_at=NOON + number * DAY_S))
    first = int(NOON // DAY_S)
    assert [day.day for day in lead.days] == list(range(first + 5, first + DAYS + 5))
    late = observe(lead, touchpoint(number=99, occurred_at=NOON))
    assert late.days == lead.days
    assert late.touches == lead.touches + 1


def test_the_first_and_the_last_visit_are_those_that_name_a_source() -> None:
    lead = observe(profile(), touchpoint(number=2, campaign_source="news", campaign_medium="email"))
    lead = observe(lead, touchpoint(number=1, campaign_source="search", click_id="gclid:x"))
    lead = observe(lead, touchpoint(number=3))
    assert lead.first_visit is not None
    assert lead.last_visit is not None
    assert (lead.first_visit.source, lead.last_visit.source) == ("search", "news")


def test_the_latest_of_each_personal_field_is_kept_sealed() -> None:
    lead = observe(profile(), touchpoint(number=2, person={"first_name": "Ann"}))
    lead = observe(lead, touchpoint(number=1, person={"first_name": "An", "last_name": "Lee"}))
    assert person(lead) == {"first_name": "Ann", "last_name": "Lee"}


def test_the_account_is_the_one_named_last() -> None:
    lead = observe(profile(), touchpoint(number=2, account="new.example"))
    lead = observe(lead, touchpoint(number=1, account="old.example"))
    assert lead.account == "new.example"


def test_a_touchpoint_that_both_profiles_counted_is_counted_once_when_they_merge() -> None:
    shared = touchpoint(number=1, kind=Kind.PRICING, campaign_medium="cpc")
    one = observe(profile("e-1", touches=0), shared)
    other = observe(observe(profile("v-1", touches=0), shared), touchpoint(number=2))
    merged = merge(one, other)
    assert merged.touches == 2
    assert merged.days[0].counts == {"pricing": 1, "paid": 1, "page": 1}


def test_a_merge_keeps_the_decision_that_has_an_owner() -> None:
    owned = profile("u-1", destination="sales", owner="rep1", route_seq=2, pending=ASKED)
    fresh = profile("e-1", destination="nurture", route_seq=1, routed_at=NOON)
    joined = merge(fresh, owned)
    assert (joined.owner, joined.route_seq, joined.pending) == ("rep1", 2, ASKED)


def test_the_memory_of_ids_is_bounded() -> None:
    lead = profile()
    for number in range(seen.CAP + 10):
        lead = observe(lead, touchpoint(number=number))
    assert len(lead.seen) == seen.CAP * seen.ENTRY
