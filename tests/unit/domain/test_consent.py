"""What may be kept, and who may be contacted."""

from itertools import permutations

from schemas.records import Consent, Kind
from streams.domain import consent
from streams.domain.profile import observe
from tests.builders import profile, sighting, touchpoint


def test_denied_analytics_or_storage_means_that_nothing_is_kept() -> None:
    assert not consent.may_keep({"analytics": False})
    assert not consent.may_keep({"store": False, "analytics": True})


def test_silence_and_other_denials_keep_what_happened() -> None:
    assert consent.may_keep({})
    assert consent.may_keep({"ads": False, "contact": False})


def test_unsubscribing_denies_contact_even_where_the_sender_says_otherwise() -> None:
    assert consent.stated(sighting(kind=Kind.UNSUBSCRIBE, consent={"contact": True}), gpc=False) == {"contact": False}


def test_global_privacy_control_denies_advertisers() -> None:
    assert consent.stated(sighting(), gpc=True) == {"ads": False}


def test_purposes_that_senders_make_up_are_not_kept() -> None:
    said = {"ads": False, **{f"made-up-{number}": True for number in range(100)}}
    assert consent.stated(sighting(consent=said), gpc=False) == {"ads": False}


def test_the_latest_statement_wins_and_a_tie_denies_in_any_order() -> None:
    told = [(1.0, True), (2.0, True), (2.0, False)]
    for order in permutations(enumerate(told)):
        lead = profile()
        for number, (at, granted) in order:
            lead = observe(lead, touchpoint(number=number, occurred_at=at, consent={"contact": granted}))
        assert lead.consent["contact"] == Consent(granted=False, at=2.0)


def test_a_later_grant_overrules_a_denial() -> None:
    lead = observe(profile(), touchpoint(number=1, consent={"contact": False}))
    lead = observe(lead, touchpoint(number=2, consent={"contact": True}))
    assert consent.may_contact(lead.consent, unless_denied=False)


def test_who_never_said_is_contacted_only_if_the_house_says_so() -> None:
    assert consent.may_contact({}, unless_denied=True)
    assert not consent.may_contact({}, unless_denied=False)
