"""HubSpot's webhooks, signature v3: what became of deals and contacts. Only ids come; the fetcher reads what they mean.

https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests
"""

import re
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from connectors.settings import CollectorSettings
from connectors.sources.contract import JSON_TYPES, Part, Request
from connectors.sources.reading import decoded, erasure, key_of, number, open_raw, text
from connectors.sources.signing import fresh, from_base64, needed, seconds, signed
from connectors.sources.splitting import array, composed, readable
from schemas.keys import rank
from schemas.records import Channel, Kind, OutcomeKind, RawEvent
from schemas.rejected import Reason, Rejected
from schemas.sighting import Identifiers, Sighting

SIGNATURE, TIMESTAMP = "x-hubspot-signature-v3", "x-hubspot-request-timestamp"
DECODED = re.compile(r"%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)
MARKS = ("portalId", "subscriptionType", "objectId", "propertyName", "propertyValue", "occurredAt")
FETCHED = {("deal.propertyChange", "dealstage"): "deal", ("contact.propertyChange", "lifecyclestage"): "contact"}
FORGOTTEN = "contact.privacyDeletion"
LIFECYCLE = {
    "salesqualifiedlead": OutcomeKind.ACCEPTED,
    "opportunity": OutcomeKind.OPPORTUNITY,
    "customer": OutcomeKind.WON,
}
STAGES = {
    "appointmentscheduled": OutcomeKind.MEETING,
    "closedwon": OutcomeKind.WON,
    "closedlost": OutcomeKind.LOST,
}


class Notice(Struct, rename="camel"):
    """One thing that changed; `occurred_at` is in milliseconds."""

    subscription_type: str
    object_id: int
    occurred_at: float
    portal_id: int = 0
    property_name: str | None = None
    property_value: str | None = None


class Object(Struct):
    """A contact or a deal, as HubSpot answers."""

    id: str
    properties: dict[str, str | None] = {}


class Read(Struct):
    """What the fetcher brings: the notice, and whom and what it is about."""

    notice: Notice
    contact: Object
    deal: Object | None = None


_notice = msgspec.json.Decoder(Notice)
_read = msgspec.json.Decoder(Read)


class HubSpot:
    """Outcomes. HubSpot repeats for a day whatever gets no 2xx, and gives no event an id of its own."""

    name = "hubspot"
    channel = Channel.CRM
    paths: tuple[str, ...] = ("/v1/hubspot/events",)
    types: tuple[str, ...] = JSON_TYPES
    thanks = b'{"success":true}'

    def __init__(self, settings: CollectorSettings) -> None:
        self._secrets, self._url = settings.hubspot_secrets, settings.hubspot_url
        self._skew_s = settings.hubspot_skew_s
        self._pepper = settings.pepper.get_secret_value()

    def verify(self, request: Request) -> None:
        """Check the signature over method, URL, body and timestamp. The URL is a setting: proxies' headers may lie."""
        needed(self._secrets, "LEADSTREAM_HUBSPOT_SECRETS", "the client secret of the app")
        needed(self._url, "LEADSTREAM_HUBSPOT_URL", "the URL of the webhook as it stands at HubSpot")
        url = decoded_url(f"{self._url}?{request.query}" if request.query else self._url)
        at = request.headers.get(TIMESTAMP, "")
        message = request.method.encode() + url.encode() + request.body + at.encode()
        signed(SIGNATURE, self._secrets, message, from_base64(request.headers.get(SIGNATURE, "")))
        fresh(TIMESTAMP, seconds(at) / 1000, request, self._skew_s)

    def split(self, request: Request) -> list[Part]:
        """Return each notice of the array: up to 100, in no order."""
        return [self._part(item) for item in array(request.body)]

    def _part(self, body: bytes) -> Part:
        notice = readable(body)
        event_id = composed(*(str(notice.get(mark)) for mark in MARKS))
        kind = text(notice.get("subscriptionType"))
        if kind == FORGOTTEN:
            user = contact_id(text(notice.get("portalId")), text(notice.get("objectId")))
            return Part(event_id, "erasure", key_of(self._pepper, user=user, otherwise=""), body)
        fetched = FETCHED.get((kind, text(notice.get("propertyName"))))
        key = key_of(self._pepper, otherwise=event_id)
        return Part(event_id, fetched or "other", key, body, notice=fetched is not None)

    @staticmethod
    def adapt(raw: RawEvent) -> Sighting:
        """Return what became of a lead, whose contact it is, or that somebody is to be forgotten."""
        body, _ = open_raw(raw)
        if raw.endpoint == "erasure":
            notice = decoded(_notice, body)
            user = contact_id(str(notice.portal_id), str(notice.object_id))
            return erasure(raw, Channel.CRM, Identifiers(user=user), notice.occurred_at / 1000)
        if raw.endpoint not in ("outcome", "identity"):
            raise Rejected(Reason.UNKNOWN_TYPE, "a change that says nothing of leads, or that was not fetched")
        read = decoded(_read, body)
        return _outcome(raw, read) if raw.endpoint == "outcome" else _identity(raw, read)


def decoded_url(url: str) -> str:
    """Return a URL with those characters decoded that HubSpot decodes before it signs, and no others.

    >>> decoded_url("https://a.example/x?to=a%40b.example&q=%C3%BC")
    'https://a.example/x?to=a@b.example&q=%C3%BC'
    """
    return DECODED.sub(lambda found: unquote(found[0]), url)


def contact_id(portal: str, contact: str) -> str:
    """Return the user id under which a HubSpot contact is known to us."""
    return f"hubspot-{portal}-{contact}"


def _outcome(raw: RawEvent, read: Read) -> Sighting:
    notice, said = read.notice, read.contact.properties
    lead, email = text(said.get("lead_id")), text(said.get("email"))
    lead = lead if rank(lead) >= 0 else ""
    if not (lead or email):
        raise Rejected(Reason.MISSING_ID, "the contact's lead_id or email")
    kind = _deal(read.deal, notice) if read.deal else LIFECYCLE.get(notice.property_value or "")
    if kind is None:
        raise Rejected(Reason.UNKNOWN_TYPE, "a lifecycle stage that says nothing of sales")
    return Sighting(
        id=raw.event_id,
        kind=Kind.CONTACT,
        channel=Channel.CRM,
        occurred_at=notice.occurred_at / 1000,
        identifiers=Identifiers(lead=lead, email=email),
        value=number(read.deal.properties.get("amount"), "deal.amount") if read.deal else 0.0,
        person={"email": email} if email else {},
        outcome=kind,
    )


def _deal(deal: Object, notice: Notice) -> OutcomeKind:
    """Return what a deal's stage means: HubSpot's own, or in a pipeline of the customer's what HubSpot says of it."""
    said, stage = deal.properties, notice.property_value or ""
    if stage in STAGES:
        return STAGES[stage]
    if said.get("dealstage") == stage and said.get("hs_is_closed") == "true":
        return OutcomeKind.WON if said.get("hs_is_closed_won") == "true" else OutcomeKind.LOST
    return OutcomeKind.OPPORTUNITY


def _identity(raw: RawEvent, read: Read) -> Sighting:
    """Return whose contact it is: once known, HubSpot may ask us to forget a contact that it has forgotten itself."""
    email = text(read.contact.properties.get("email"))
    if not email:
        raise Rejected(Reason.MISSING_ID, "the contact's email")
    return Sighting(
        id=raw.event_id,
        kind=Kind.IDENTIFY,
        channel=Channel.CRM,
        occurred_at=read.notice.occurred_at / 1000,
        identifiers=Identifiers(user=contact_id(str(read.notice.portal_id), read.contact.id), email=email),
        weight=0.0,
        weight_reason="CRM record",
        person={"email": email},
    )
