"""What senders' words mean, whatever their protocol: names of events, of purposes, of what people say of themselves."""

from collections.abc import Mapping

from connectors.sources.reading import filled, first
from schemas.records import Kind
from schemas.rejected import Reason, Rejected

TRACKED = {
    "demo requested": Kind.DEMO_REQUEST,
    "demo request": Kind.DEMO_REQUEST,
    "demo booked": Kind.DEMO_REQUEST,
    "form submitted": Kind.FORM,
    "form submit": Kind.FORM,
    "submit form": Kind.FORM,
    "generate lead": Kind.FORM,
    "pricing viewed": Kind.PRICING,
    "docs viewed": Kind.DOCS,
}
PURPOSES = {
    "advertising": "ads",
    "advertisement": "ads",
    "ads": "ads",
    "ad_user_data": "ads",
    "ad_personalization": "ads",
    "marketing": "ads",
    "targeting": "ads",
    "c0004": "ads",
    "storage": "store",
    "analytics": "analytics",
    "performance": "analytics",
    "c0002": "analytics",
}
NAMES = {
    "email": ("email",),
    "phone": ("phone",),
    "name": ("name",),
    "first_name": ("firstName", "first_name"),
    "last_name": ("lastName", "last_name"),
}
STATED = {
    "industry": ("industry",),
    "employees": ("employees", "employee_count"),
    "title": ("title", "jobTitle", "job_title"),
    "seniority": ("seniority",),
    "country": ("country", "countryCode", "country_code"),
}
SPOKEN = frozenset(name for names in (*NAMES.values(), *STATED.values()) for name in names) | {"company", "website"}

MESSAGES = ("message", "comment", "comments", "question", "questions", "enquiry", "inquiry", "notes")

Places = tuple[Mapping[str, object], ...]


def happened(name: str) -> Kind:
    """Return what an event's name means.

    >>> happened("Demo Requested"), happened("generate_lead"), happened("scroll")
    (<Kind.DEMO_REQUEST: 'demo_request'>, <Kind.FORM: 'form'>, <Kind.OTHER: 'other'>)
    """
    return TRACKED.get(name.strip().lower().replace("_", " ").replace("-", " "), Kind.OTHER)


def purpose(word: str) -> str:
    """Return our name of a purpose, or the sender's where it is none of ours.

    >>> purpose("Marketing"), purpose("fonts")
    ('ads', 'fonts')
    """
    word = word.lower()
    return PURPOSES.get(word, word)


def consented(preferences: object, name: str) -> dict[str, bool]:
    """Return the purposes granted and denied; a denial outweighs any grant. Raises `Rejected(INVALID_VALUE)`."""
    if not isinstance(preferences, dict):
        raise Rejected(Reason.INVALID_VALUE, name)
    consent: dict[str, bool] = {}
    for category, granted in preferences.items():
        if not isinstance(granted, bool):
            raise Rejected(Reason.INVALID_VALUE, name)
        asked = purpose(category)
        consent[asked] = consent.get(asked, True) and granted
    return consent


def person_in(places: Places) -> dict[str, str]:
    """Return how the first place that says so names a person, by our names."""
    return {field: first(places, *names) for field, names in NAMES.items()} if any(places) else {}


def stated_in(places: Places) -> dict[str, str]:
    """Return what is stated of a person's work and company, by our names."""
    return filled({trait: first(places, *names) for trait, names in STATED.items()}) if any(places) else {}


def said_in(places: Places) -> str:
    """Return what somebody wrote in a form in words of their own, "" when they wrote nothing.

    >>> said_in(({"message": "Do you ship to Norway?"},))
    'Do you ship to Norway?'
    """
    return first(places, *MESSAGES) if any(places) else ""
