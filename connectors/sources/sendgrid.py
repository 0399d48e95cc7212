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
from msgspec import Struct

from connectors.settings import CollectorSettings, SettingsError
from connectors.sources.contract import JSON_TYPES, Part, Request
from connectors.sources.mail import body_of, kind_of, mail_event
from connectors.sources.reading import decoded, hashed, key_of, text
from connectors.sources.signing import fresh, from_base64, needed, seconds, unsigned
from connectors.sources.splitting import array, readable
from schemas.records import Channel, Kind, RawEvent
from schemas.sighting import Sighting

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


_event = msgspec.json.Decoder(MailEvent)


class SendGrid:
    """E-mail engagement, signed with ECDSA over the timestamp and the body."""

    name = "sendgrid"
    channel = Channel.EMAIL
    paths: tuple[str, ...] = ("/v1/sendgrid/events",)
    types: tuple[str, ...] = JSON_TYPES
    thanks = b'{"success":true}'

    def __init__(self, settings: CollectorSettings) -> None:
        self._keys = [_loaded(key) for key in settings.sendgrid_public_key]
        self._skew_s = settings.sendgrid_skew_s
        self._pepper = settings.pepper.get_secret_value()

    def verify(self, request: Request) -> None:
        """Check the signature first, then the age: only a true signature makes a timestamp worth a word."""
        needed(self._keys, "LEADSTREAM_SENDGRID_PUBLIC_KEY", "the webhook's verification key")
        timestamp = request.headers.get(TIMESTAMP, "")
        signature, message = from_base64(request.headers.get(SIGNATURE, "")), timestamp.encode() + request.body
        if not any(_signed(key, signature, message) for key in self._keys):
            raise unsigned(SIGNATURE)
        fresh(TIMESTAMP, seconds(timestamp), request, self._skew_s)

    def split(self, request: Request) -> list[Part]:
        """Return each event of the array, also those that cannot be used."""
        return [self._part(item) for item in array(request.body)]

    def _part(self, body: bytes) -> Part:
        event = readable(body)
        event_id = text(event.get("sg_event_id")) or hashed(body)
        return Part(event_id, "event", key_of(self._pepper, email=text(event.get("email")), otherwise=event_id), body)

    @staticmethod
    def adapt(raw: RawEvent) -> Sighting:
        """Return what an e-mail event says. What machines do is kept with weight 0."""
        event = decoded(_event, body_of(raw))
        return mail_event(
            raw,
            kind=kind_of(KINDS, event.event),
            at=event.timestamp,
            email=event.email,
            lead=event.lead_id,
            link=event.url or "",
            mailing=event.category if isinstance(event.category, str) else next(iter(event.category or ()), ""),
            agent=event.useragent or "",
            ip=event.ip or "",
            machine=event.sg_machine_open,
        )


def _loaded(key: str) -> EllipticCurvePublicKey:
    try:
        loaded = load_der_public_key(base64.b64decode(key, validate=True))
    except (binascii.Error, ValueError):
        loaded = None
    if not isinstance(loaded, EllipticCurvePublicKey):
        raise SettingsError("LEADSTREAM_SENDGRID_PUBLIC_KEY is wrong: copy it as SendGrid shows it, one line of base64")
    return loaded


def _signed(key: EllipticCurvePublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True
