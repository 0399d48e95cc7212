"""SendGrid's event webhook: what became of e-mails, in signed arrays.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
"""

import base64
import binascii

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from msgspec import Raw, Struct

from connectors.settings import CollectorSettings, SettingsError
from connectors.sources.contract import JSON_TYPES, Part, Refused, Request
from connectors.sources.reading import decoded, filled, hashed, key_of, landing, open_raw, text, truncated
from connectors.sources.sound import Unsound, parse, parse_event
from schemas.keys import rank
from schemas.records import Channel, Kind, RawEvent
from schemas.rejected import Reason, Rejected
from schemas.sighting import Campaign, Identifiers, Sighting

SIGNATURE, TIMESTAMP = "x-twilio-email-event-webhook-signature", "x-twilio-email-event-webhook-timestamp"

KINDS = {
    "delivered": Kind.EMAIL_DELIVERED,
    "open": Kind.EMAIL_OPEN,
    "click": Kind.EMAIL_CLICK,
    "bounce": Kind.EMAIL_BOUNCE,
    "blocked": Kind.EMAIL_BOUNCE,
    "unsubscribe": Kind.UNSUBSCRIBE,
    "group_unsubscribe": Kind.UNSUBSCRIBE,
    "spamreport": Kind.SPAM_REPORT,
    "processed": Kind.OTHER,
    "deferred": Kind.OTHER,
    "dropped": Kind.OTHER,
    "group_resubscribe": Kind.OTHER,
}
TRANSPORT = {"delivered", "bounce", "blocked", "processed", "deferred", "dropped"}
PROXIES = ("googleimageproxy", "ggpht.com", "yahoomailproxy")


class MailEvent(Struct):
    """The fields of one event that we read; SendGrid's names."""

    event: str
    timestamp: float
    email: str = ""
    sg_event_id: str = ""
    sg_machine_open: bool = False
    useragent: str | None = None
    ip: str | None = None
    url: str | None = None
    category: str | list[str] | None = None
    lead_id: str | int | None = None


_events = msgspec.json.Decoder(list[Raw])
_event = msgspec.json.Decoder(MailEvent)


class SendGrid:
    """E-mail engagement, signed with ECDSA over the timestamp and the body."""

    name = "sendgrid"
    channel = Channel.EMAIL
    paths: tuple[str, ...] = ("/v1/sendgrid/events",)
    types: tuple[str, ...] = JSON_TYPES
    thanks = b'{"success":true}'

    def __init__(self, settings: CollectorSettings) -> None:
        self._key = _loaded(settings.sendgrid_public_key)
        self._skew_s = settings.sendgrid_skew_s
        self._pepper = settings.pepper.get_secret_value()

    def verify(self, request: Request) -> None:
        """Check the signature first, then the age: only a true signature makes a timestamp worth a word."""
        if self._key is None:
            raise Refused(
                401, "no_sendgrid_key", "set LEADSTREAM_SENDGRID_PUBLIC_KEY to the webhook's verification key"
            )
        timestamp = request.headers.get(TIMESTAMP, "")
        try:
            signature = base64.b64decode(request.headers.get(SIGNATURE, ""), validate=True)
            self._key.verify(signature, timestamp.encode() + request.body, ECDSA(SHA256()))
        except (binascii.Error, InvalidSignature, ValueError):
            raise Refused(401, "invalid_signature", f"{SIGNATURE} is missing or does not fit the body") from None
        if not timestamp.isdecimal() or abs(request.received_at - int(timestamp)) > self._skew_s:
            raise Refused(401, "stale_signature", f"{TIMESTAMP} is further than {self._skew_s:g} s from our clock")

    def split(self, request: Request) -> list[Part]:
        """Return each event of the array, also those that cannot be used.

        SendGrid repeats for a day whatever it gets no 2xx for. What it has signed is kept, and buried by the pipeline.
        """
        try:
            items = parse(_events, request.body)
        except Unsound as error:
            raise Refused(400, error.code, str(error)) from None
        return [self._part(bytes(item)) for item in items]

    def _part(self, body: bytes) -> Part:
        try:
            event = parse_event(body)
        except Unsound:
            event = {}
        event_id = text(event.get("sg_event_id")) or hashed(body)
        return Part(event_id, "event", key_of(self._pepper, email=text(event.get("email")), otherwise=event_id), body)

    @staticmethod
    def adapt(raw: RawEvent) -> Sighting:
        """Return what an e-mail event says. What machines do is kept with weight 0."""
        body, _ = open_raw(raw)
        event = decoded(_event, body)
        if event.event not in KINDS:
            raise Rejected(Reason.UNKNOWN_TYPE, "no SendGrid event has this name")
        email, lead = text(event.email), text(event.lead_id)
        lead = lead if rank(lead) >= 0 else ""  # a customer's own argument may have this name too
        if not (email or lead):
            raise Rejected(Reason.MISSING_ID, "email")
        kind = KINDS[event.event]
        page, linked = landing(event.url or "")
        mailing = event.category if isinstance(event.category, str) else next(iter(event.category or ()), "")
        suspicion = _machine(event)
        return Sighting(
            id=raw.event_id or event.sg_event_id or hashed(body),
            kind=kind,
            channel=Channel.EMAIL,
            occurred_at=event.timestamp,
            identifiers=Identifiers(email=email, lead=lead),
            weight=0.0 if suspicion else 1.0,
            weight_reason=suspicion,
            page=page,
            campaign=Campaign(
                source=linked.source or "sendgrid",
                medium=linked.medium or "email",
                name=linked.name or text(mailing),
                click_id=linked.click_id,
            ),
            consent={"contact": False} if kind in (Kind.UNSUBSCRIBE, Kind.SPAM_REPORT) else {},
            person={**filled({"email": email, "ip": truncated(event.ip or ""), "user_agent": text(event.useragent)})},
        )


def _machine(event: MailEvent) -> str:
    """Return why an event is not a person's doing, "" when it may be."""
    if event.event in TRANSPORT:
        return "mail transport"
    if event.sg_machine_open:
        return "machine open"
    agent = (event.useragent or "").lower()
    return "image proxy" if event.event == "open" and any(proxy in agent for proxy in PROXIES) else ""


def _loaded(key: str) -> EllipticCurvePublicKey | None:
    if not key:
        return None
    try:
        loaded = load_der_public_key(base64.b64decode(key, validate=True))
    except (binascii.Error, ValueError):
        loaded = None
    if not isinstance(loaded, EllipticCurvePublicKey):
        raise SettingsError("LEADSTREAM_SENDGRID_PUBLIC_KEY is wrong: copy it as SendGrid shows it, one line of base64")
    return loaded
