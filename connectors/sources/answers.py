"""What people answer in the forms of ads: the platforms' field names are nearly the same, in one case or another."""

from collections.abc import Mapping

from connectors.sources.reading import filled, first
from connectors.sources.words import said_in
from schemas.records import Channel, Kind, RawEvent
from schemas.rejected import Reason, Rejected
from schemas.sighting import Campaign, Identifiers, Sighting

EMAILS = ("work_email", "email")
PHONES = ("work_phone", "work_phone_number", "phone_number", "phone")
PERSON = {
    "name": ("full_name", "name"),
    "first_name": ("first_name",),
    "last_name": ("last_name",),
    "company": ("company_name", "company"),
    "address": ("street_address",),
    "postal_code": ("postal_code", "zip_code", "post_code"),
    "city": ("city",),
    "region": ("region", "state", "province"),
}
TRAITS = {
    "title": ("job_title",),
    "country": ("country",),
    "industry": ("industry",),
    "employees": ("company_size",),
    "seniority": ("seniority",),
}


def reachable(answers: Mapping[str, object]) -> tuple[str, str]:
    """Return the e-mail address and the phone number, those of work first; "" where there is none."""
    return first((answers,), *EMAILS), first((answers,), *PHONES)


def ad_lead(
    raw: RawEvent,
    answers: Mapping[str, object],
    *,
    at: float,
    campaign: Campaign,
    user: str = "",
    consent: Mapping[str, bool] | None = None,
    test: bool = False,
) -> Sighting:
    """Return what a form in an ad says, by field names in lower case. Whoever sends one asks to be contacted.

    Raises `Rejected(MISSING_ID)` when nobody could be.
    """
    email, phone = reachable(answers)
    if not (email or phone):
        raise Rejected(Reason.MISSING_ID, "neither an e-mail address nor a phone number")
    return Sighting(
        id=raw.event_id,
        kind=Kind.AD_LEAD,
        channel=Channel.AD,
        occurred_at=at,
        identifiers=Identifiers(user=user, email=email, phone=phone),
        campaign=campaign,
        traits=traits(answers),
        consent={"contact": True, **(consent or {})} | ({"ads": False} if raw.gpc else {}),
        person={**filled({"email": email, "phone": phone}), **person(answers)},
        test=test,
        said=said_in((answers,)),
    )


def person(answers: Mapping[str, object]) -> dict[str, str]:
    """Return who they say they are, apart from how to reach them."""
    return filled({field: first((answers,), *names) for field, names in PERSON.items()})


def traits(answers: Mapping[str, object]) -> dict[str, str]:
    """Return what they say of their work."""
    return filled({trait: first((answers,), *names) for trait, names in TRAITS.items()})
