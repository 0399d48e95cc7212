"""What ad platforms are told: nothing without consent, and hashes that match answers computed elsewhere."""

import json
from collections.abc import Callable

import pytest

from connectors.egress.guard import Guard
from connectors.sinks import SINKS
from connectors.sinks.conversion import (
    Conversion,
    conversion,
    email_hash,
    google_email_hash,
    microsoft_email_hash,
    phone_hash,
)
from connectors.sinks.delivery import Parcel, Skipped
from connectors.sinks.google_conversions import GoogleConversions
from connectors.sinks.linkedin_conversions import LinkedInConversions
from connectors.sinks.meta_conversions import MetaConversions
from connectors.sinks.meta_conversions import Options as MetaOptions
from connectors.sinks.microsoft_conversions import MicrosoftConversions
from connectors.sinks.platform import Platform
from connectors.sinks.tiktok_conversions import TikTokConversions
from schemas.records import Stage, Visit
from tests.builders import NOON, routed
from tests.contract.sinks.rigs import CRMS

EVENTS = {"mql": "qualified_lead"}
KNOWS = ("email", "phone", "gclid")
JANE: dict[str, object] = {"email": "jane.doe@example.com", "phone": "+4915112345678"}
EMAIL = "86e0b9e56c17cc4d12387e1949b85053fbe73bc3ce5a1188713a9d300cc6133d"
EMAIL_MICROSOFT = "c4d25e9c90ff23e9145397bc6fbd5385ca5fbe78211222ccbecd0b369ebb19a6"  # of janedoe@example.com
PHONE_PLUS = "536afd523e19dc83fccba822ef5e4ca646111314aaf0aa286667c5bea18dd70b"
PLATFORMS: dict[str, type[Platform]] = {
    "google_conversions": GoogleConversions,
    "meta_conversions": MetaConversions,
    "linkedin_conversions": LinkedInConversions,
    "tiktok_conversions": TikTokConversions,
    "microsoft_conversions": MicrosoftConversions,
}
PHONE_BARE = "8efb96404be52f6109b9db0f687274a81e9e3cc23fabd6f0da5d38baa3d2facd"


@pytest.mark.parametrize("email", ["jane.doe@example.com", " Jane.Doe@EXAMPLE.com\n", EMAIL])
@pytest.mark.parametrize("hashed", [email_hash, google_email_hash])
def test_an_address_has_its_known_hash_and_is_never_hashed_twice(email: str, hashed: Callable[[str], str]) -> None:
    assert hashed(email) == EMAIL


@pytest.mark.parametrize(
    "email",
    ["jane.doe@example.com", " JANE.DOE+Shopping@Example.com", "j.ane.d.oe+a+b.c@example.com", EMAIL_MICROSOFT],
)
def test_microsoft_leaves_out_dots_and_tags_of_every_domain(email: str) -> None:
    assert microsoft_email_hash(email) == EMAIL_MICROSOFT
    assert microsoft_email_hash("jane@sub.example.com") == email_hash("jane@sub.example.com")


def test_each_platform_is_told_the_hash_that_it_wants() -> None:
    told = conversion(Parcel(routed(), {"email": "Jane.Doe+x@gmail.com"}), EVENTS, KNOWS)
    assert isinstance(told, Conversion)
    given: dict[str, dict[str, object]] = {name: make("https://ads.example") for name, (_, make) in CRMS.items()}
    rows = {}
    for name in PLATFORMS:
        kind = SINKS[name]
        sink = kind.open(kind.options.model_validate(given[name]), Guard())
        assert isinstance(sink, Platform)
        rows[name] = json.dumps(sink.row(told))
    wanted = {name: email_hash("jane.doe+x@gmail.com") for name in rows}
    wanted["google_conversions"] = email_hash("janedoe+x@gmail.com")
    wanted["microsoft_conversions"] = email_hash("janedoe@gmail.com")
    assert {name: wanted[name] in row for name, row in rows.items()} == dict.fromkeys(rows, True)


def test_a_number_is_hashed_with_its_plus_or_without() -> None:
    assert phone_hash("+49 151 1234-5678", plus=True) == PHONE_PLUS
    assert phone_hash("+49 151 1234-5678", plus=False) == PHONE_BARE
    assert phone_hash(PHONE_PLUS, plus=False) == PHONE_PLUS


@pytest.mark.parametrize("domain", ["gmail.com", "googlemail.com"])
def test_google_leaves_out_every_dot_of_a_gmail_address_and_nobody_else_does(domain: str) -> None:
    assert google_email_hash(f"j.a.n.e@{domain}") == email_hash(f"jane@{domain}")
    assert email_hash(f"j.a.n.e@{domain}") != email_hash(f"jane@{domain}")


@pytest.mark.parametrize("consent", [{}, {"ads": False}, {"contact": True}])
def test_silence_is_no_consent(consent: dict[str, bool]) -> None:
    assert conversion(Parcel(routed(consent=consent), JANE), EVENTS, KNOWS) == Skipped("no consent to ads")


def test_a_stage_that_is_not_told_and_a_person_nobody_could_know_are_left_out() -> None:
    assert isinstance(conversion(Parcel(routed(stage=Stage.LEAD), JANE), {"sql": "x"}, KNOWS), Skipped)
    assert isinstance(conversion(Parcel(routed(), {}), EVENTS, KNOWS), Skipped)


CLICKED = routed(last_visit=Visit(at=NOON, source="", medium="", campaign="", click_id="gclid:one"))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("google_conversions", ["click", "email", "phone"]),
        ("meta_conversions", ["email", "phone"]),
        ("linkedin_conversions", ["email"]),
        ("tiktok_conversions", ["email", "phone"]),
        ("microsoft_conversions", ["email", "phone"]),
    ],
)
def test_a_platform_is_told_of_whom_it_could_know_and_of_nobody_else(name: str, told: list[str]) -> None:
    people = {
        "click": Parcel(CLICKED, {}),
        "email": Parcel(routed(), {"email": "jane@example.com"}),
        "phone": Parcel(routed(), {"phone": "+4915112345678"}),
    }
    knows = PLATFORMS[name].knows
    assert [by for by, one in people.items() if isinstance(conversion(one, EVENTS, knows), Conversion)] == told


def test_meta_is_told_of_a_click_on_its_ads_as_its_cookie_has_it() -> None:
    visit = Visit(at=NOON, source="", medium="", campaign="", click_id="fbclid:Cj0K")
    told = conversion(Parcel(routed(last_visit=visit), {}), EVENTS, MetaConversions.knows)
    assert isinstance(told, Conversion)
    sink = MetaConversions(MetaOptions.model_validate({"dataset": "1", "token": "t"}), Guard())
    assert sink.row(told)["user_data"] == {"fbc": f"fb.1.{int(NOON * 1000)}.Cj0K"}


def test_the_last_click_of_each_kind_goes_along() -> None:
    visits = [Visit(at=NOON, source="", medium="", campaign="", click_id=f"gclid:{n}") for n in ("one", "two")]
    told = conversion(Parcel(routed(first_visit=visits[0], last_visit=visits[1]), JANE), EVENTS, KNOWS)
    assert isinstance(told, Conversion)
    assert (told.name, told.clicks, told.id) == ("qualified_lead", {"gclid": "two"}, "e-1:1")
