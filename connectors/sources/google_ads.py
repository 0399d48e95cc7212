"""Google Ads lead forms: one POST for each lead, with the shared key inside the body.

https://developers.google.com/google-ads/webhook/docs/overview
"""

import msgspec
from msgspec import Struct

from connectors.settings import CollectorSettings
from connectors.sources.answers import ad_lead, reachable
from connectors.sources.contract import JSON_TYPES, Part, Refused, Request
from connectors.sources.reading import decoded, instant, key_of, open_raw, text
from connectors.sources.signing import needed
from connectors.sources.sound import SIGNED, Unsound, cut, parse, parse_event
from schemas.records import Channel, RawEvent
from schemas.rejected import Reason, Rejected
from schemas.sighting import Campaign, Sighting


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
        """Return the form's answers by column id, in lower case."""
        return {column.column_id.lower(): column.string_value or "" for column in self.user_column_data}


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
            parse_event(body, SIGNED)
        except Unsound as error:
            raise Refused(400, error.code, str(error)) from None
        lead = _parsed(body)
        if lead.google_key:  # its name is written with escapes, and it would be stored
            raise Refused(400, "google_key_escaped", "write the name of google_key without escapes")
        lead_id = text(lead.lead_id)
        if not lead_id:
            raise Refused(400, "no_lead_id", "lead_id is missing")
        email, phone = reachable(lead.answers())
        key = key_of(self._pepper, email=email, phone=phone, otherwise=lead_id)
        return [Part(lead_id, "lead", key, body)]

    @staticmethod
    def adapt(raw: RawEvent) -> Sighting:
        """Return what a lead form says. Whoever sends one asks to be contacted."""
        body, _ = open_raw(raw)
        lead = decoded(_lead, body)
        if not text(lead.lead_id):
            raise Rejected(Reason.MISSING_ID, "lead_id")
        click, submitted = text(lead.gcl_id), lead.lead_submit_time
        return ad_lead(
            raw,
            lead.answers(),
            at=instant(submitted, "lead_submit_time") if submitted else raw.received_at,
            campaign=Campaign(
                source="google", medium="cpc", name=text(lead.campaign_id), click_id=f"gclid:{click}" if click else ""
            ),
            test=lead.is_test,
        )


def _parsed(body: bytes) -> Lead:
    try:
        return parse(_lead, body)
    except Unsound as error:
        raise Refused(400, error.code, str(error)) from None
