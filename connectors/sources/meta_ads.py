"""Meta Lead Ads: signed notices of leads, each to be fetched from the Graph API.

https://developers.facebook.com/docs/marketing-api/guides/lead-ads/retrieving
"""

import re

import msgspec
from msgspec import Raw, Struct

from connectors.settings import CollectorSettings
from connectors.sources.answers import ad_lead
from connectors.sources.contract import JSON_TYPES, Part, Refused, Reply, Request
from connectors.sources.reading import decoded, instant, key_of, open_raw, text
from connectors.sources.signing import from_hex, needed, signed
from connectors.sources.sound import Unsound, parse
from connectors.sources.splitting import query_of, readable
from schemas.records import Channel, RawEvent
from schemas.rejected import Reason, Rejected
from schemas.sighting import Campaign, Sighting

SIGNATURE = "x-hub-signature-256"
CHALLENGE = re.compile(r"[A-Za-z0-9_.-]{1,128}")
LEAD = "lead"
DUMMY = "<test lead: "  # how Meta's own testing tool begins its answers


class Change(Struct):
    """One thing that changed on a page; sometimes it does not say what."""

    field: str = ""
    value: Raw = Raw(b"")


class Entry(Struct):
    """What changed on one page."""

    changes: list[Change] = []


class Webhook(Struct):
    """The body of a request: many pages, many changes."""

    entry: list[Entry] = []


class Answer(Struct):
    """One field of a lead's form."""

    name: str = ""
    values: list[str] = []


class Disclaimer(Struct):
    """One of the customer's own checkboxes."""

    checkbox_key: str = ""
    is_checked: str = ""


class Lead(Struct):
    """The fields of a lead that we read, as the Graph API answers."""

    id: str
    created_time: str | None = None
    ad_id: str | None = None
    campaign_id: str | None = None
    campaign_name: str | None = None
    field_data: list[Answer] = []
    custom_disclaimer_responses: list[Disclaimer] | None = None


_webhook = msgspec.json.Decoder(Webhook)
_lead = msgspec.json.Decoder(Lead)


class MetaAds:
    """Leads from forms on Facebook and Instagram. Meta repeats for 36 hours, in no order and without a date."""

    name = "meta_ads"
    channel = Channel.AD
    paths: tuple[str, ...] = ("/v1/meta/leads",)
    types: tuple[str, ...] = JSON_TYPES
    thanks = b'{"success":true}'

    def __init__(self, settings: CollectorSettings) -> None:
        self._secrets, self._tokens = settings.meta_secrets, settings.meta_verify_token
        self._pepper = settings.pepper.get_secret_value()

    def answer(self, request: Request) -> Reply:
        """Return Meta's challenge when it shows our token."""
        needed(
            self._tokens, "LEADSTREAM_META_VERIFY_TOKEN", "the token that is entered beside the webhook's URL at Meta"
        )
        asked = query_of(request)
        if asked.get("hub.mode") != "subscribe" or not self._tokens.includes(asked.get("hub.verify_token", "")):
            raise Refused(403, "invalid_token", "hub.verify_token is not LEADSTREAM_META_VERIFY_TOKEN")
        challenge = asked.get("hub.challenge", "")
        if not CHALLENGE.fullmatch(challenge):
            raise Refused(400, "invalid_challenge", "hub.challenge is missing or none that Meta sends")
        return Reply(200, challenge.encode(), "text/plain")

    def verify(self, request: Request) -> None:
        """Check the signature over the raw bytes: Meta escapes JSON in its own way."""
        needed(self._secrets, "LEADSTREAM_META_SECRETS", "the secret of the app whose webhook this is")
        scheme, _, signature = request.headers.get(SIGNATURE, "").partition("=")
        signed(SIGNATURE, self._secrets, request.body, from_hex(signature) if scheme == "sha256" else b"")

    def split(self, request: Request) -> list[Part]:
        """Return a notice for each lead; changes of another kind, and those that do not say what changed, are none."""
        try:
            webhook = parse(_webhook, request.body)
        except Unsound as error:
            raise Refused(400, error.code, str(error)) from None
        changes = [change for entry in webhook.entry for change in entry.changes]
        return [self._part(bytes(it.value)) for it in changes if it.field == "leadgen" and bytes(it.value)]

    def _part(self, body: bytes) -> Part:
        lead_id = text(readable(body).get("leadgen_id"))
        if not lead_id:
            return Part("", "leadgen", key_of(self._pepper, otherwise=""), body, ignored="no_leadgen_id")
        return Part(lead_id, "leadgen", key_of(self._pepper, otherwise=lead_id), body, notice=True)

    @staticmethod
    def adapt(raw: RawEvent) -> Sighting:
        """Return what a fetched lead says; a checkbox named after a purpose answers for it."""
        if raw.endpoint != LEAD:
            raise Rejected(Reason.UNKNOWN_TYPE, "a notice says nothing: the fetcher brings the lead")
        lead = decoded(_lead, open_raw(raw)[0])
        told = answers(lead)
        ticked = {it.checkbox_key: it.is_checked == "1" for it in lead.custom_disclaimer_responses or ()}
        return ad_lead(
            raw,
            told,
            at=instant(lead.created_time, "created_time") if lead.created_time else raw.received_at,
            campaign=Campaign(
                source="meta", medium="cpc", name=text(lead.campaign_name or lead.campaign_id or lead.ad_id or "")
            ),
            consent={purpose: ticked[purpose] for purpose in ("contact", "ads", "analytics") if purpose in ticked},
            test=any(answer.startswith(DUMMY) for answer in told.values()),
        )


def answers(lead: Lead) -> dict[str, str]:
    """Return the form's answers by field name."""
    return {answer.name.lower(): next(iter(answer.values), "") for answer in lead.field_data}
