"""Google Ads lead forms: one POST for each lead, with the shared key inside the body.

https://developers.google.com/google-ads/webhook/docs/overview
"""

import msgspec
from msgspec import Struct

from connectors.settings import CollectorSettings
from connectors.sources.contract import JSON_TYPES, Part, Refused, Request
from connectors.sources.reading import decoded, filled, first, instant, key_of, open_raw, text
from connectors.sources.signing import needed
from connectors.sources.sound import Unsound, cut, parse, parse_event
from schemas.records import Channel, Kind, RawEvent
from schemas.rejected import Reason, Rejected
from schemas.sighting import Campaign, Identifiers, Sighting

EMAILS, PHONES = ("WORK_EMAIL", "EMAIL"), ("WORK_PHONE", "PHONE_NUMBER")
PERSON = {
    "name": "FULL_NAME",
    "first_name": "FIRST_NAME",
    "last_name": "LAST_NAME",
    "company": "COMPANY_NAME",
    "address": "STREET_ADDRESS",
    "postal_code": "POSTAL_CODE",
    "city": "CITY",
    "region": "REGION",
}
TRAITS = {"title": "JOB_TITLE", "country": "COUNTRY"}


class Column(Struct):
    """One answer in the form."""

    column_id: str = ""
    string_value: str | None = None


class Lead(Struct):
    """The fields of Google's WebhookLead that we read, under its names. Google adds fields now and then."""

    lead_id: str | int | None = None
    google_key: str = ""
    user_column_data: list[Column] = []
    campaign_id: str | int | None = None
    gcl_id: str | None = None
    is_test: bool = False
    lead_submit_time: str | None = None

    def answers(self) -> dict[str, str]:
        """Return the form's answers by column id."""
        return {column.column_id: column.string_value or "" for column in self.user_column_data}


_lead = msgspec.json.Decoder(Lead)


class GoogleAds:
    """Leads from forms in ads. Google repeats a lead after a 5xx, never after a 4xx."""

    name = "google_ads"
    channel = Channel.AD
    paths: tuple[str, ...] = ("/v1/google/lead",)
    types: tuple[str, ...] = JSON_TYPES
    thanks = b"{}"

    def __init__(self, settings: CollectorSettings) -> None:
        self._keys = settings.google_key
        self._pepper = settings.pepper.get_secret_value()
        self._event_bytes = settings.event_bytes

    def verify(self, request: Request) -> None:
        """Compare the key in the body: Google has no signature."""
        needed(self._keys, "LEADSTREAM_GOOGLE_KEY", "the key of the webhook in Google Ads")
        if not self._keys.includes(_parsed(request.body).google_key):
            raise Refused(400, "invalid_google_key", "google_key is missing or is not LEADSTREAM_GOOGLE_KEY")

    def split(self, request: Request) -> list[Part]:
        """Return the one lead, without the key."""
        body = cut(request.body, "google_key")
        if len(body) > self._event_bytes:
            raise Refused(413, "too_large", f"a lead may hold {self._event_bytes} bytes")
        try:
            parse_event(body)
        except Unsound as error:
            raise Refused(400, error.code, str(error)) from None
        lead = _parsed(body)
        lead_id, answers = text(lead.lead_id), lead.answers()
        if not lead_id:
            raise Refused(400, "no_lead_id", "lead_id is missing")
        email, phone = first((answers,), *EMAILS), first((answers,), *PHONES)
        key = key_of(self._pepper, email=email, phone=phone, otherwise=lead_id)
        return [Part(lead_id, "lead", key, body)]

    @staticmethod
    def adapt(raw: RawEvent) -> Sighting:
        """Return what a lead form says. Whoever sends one asks to be contacted."""
        body, _ = open_raw(raw)
        lead = decoded(_lead, body)
        answers = lead.answers()
        email, phone = first((answers,), *EMAILS), first((answers,), *PHONES)
        if not text(lead.lead_id):
            raise Rejected(Reason.MISSING_ID, "lead_id")
        if not (email or phone):
            raise Rejected(Reason.MISSING_ID, "neither an e-mail address nor a phone number")
        click = text(lead.gcl_id)
        submitted = lead.lead_submit_time
        return Sighting(
            id=text(lead.lead_id),
            kind=Kind.AD_LEAD,
            channel=Channel.AD,
            occurred_at=instant(submitted, "lead_submit_time") if submitted else raw.received_at,
            identifiers=Identifiers(email=email, phone=phone),
            campaign=Campaign(
                source="google", medium="cpc", name=text(lead.campaign_id), click_id=f"gclid:{click}" if click else ""
            ),
            traits=filled({trait: first((answers,), column) for trait, column in TRAITS.items()}),
            consent={"contact": True} | ({"ads": False} if raw.gpc else {}),
            person={
                **filled({"email": email, "phone": phone}),
                **filled({field: first((answers,), column) for field, column in PERSON.items()}),
            },
            test=lead.is_test,
        )


def _parsed(body: bytes) -> Lead:
    try:
        return parse(_lead, body)
    except Unsound as error:
        raise Refused(400, error.code, str(error)) from None
