"""Mailgun's webhooks: one event each. The signature is in the body, and covers a timestamp and a token only.

So the event itself is not signed: a token is good for one body, that of its first use, and Mailgun's own repeats.
https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks
"""

from collections import OrderedDict
from hashlib import blake2b

import msgspec
from msgspec import Raw, Struct

from connectors.settings import CollectorSettings
from connectors.sources.contract import JSON_TYPES, Part, Refused, Request
from connectors.sources.mail import body_of, kind_of, mail_event
from connectors.sources.reading import decoded, hashed, key_of, text
from connectors.sources.signing import fresh, from_hex, needed, seconds, signed, unsigned
from connectors.sources.sound import Unsound, parse
from connectors.sources.splitting import readable
from schemas.records import Channel, Kind, RawEvent
from schemas.sighting import Sighting

KINDS = {
    "delivered": Kind.EMAIL_DELIVERED,
    "opened": Kind.EMAIL_OPEN,
    "clicked": Kind.EMAIL_CLICK,
    "unsubscribed": Kind.UNSUBSCRIBE,
    "complained": Kind.SPAM_REPORT,
    "failed": Kind.EMAIL_BOUNCE,
    "accepted": Kind.OTHER,
    "rejected": Kind.OTHER,
    "stored": Kind.OTHER,
}
TOKENS = 65_536


class Signature(Struct):
    """What Mailgun signs with; its names."""

    timestamp: str
    token: str
    signature: str


class Webhook(Struct, rename={"event_data": "event-data"}):
    """The body: a signature, and the event beside it."""

    signature: Signature
    event_data: Raw


class Client(Struct, rename="kebab"):
    """Who opened or clicked."""

    bot: str | None = None
    user_agent: str | None = None


class MailEvent(Struct, rename="kebab"):
    """The fields of one event that we read; Mailgun's names."""

    event: str
    timestamp: float
    recipient: str = ""
    severity: str | None = None
    url: str | None = None
    ip: str | None = None
    tags: list[str] | None = None
    user_variables: dict[str, object] | None = None
    client_info: Client | None = None


_webhook = msgspec.json.Decoder(Webhook)
_event = msgspec.json.Decoder(MailEvent)


class Mailgun:
    """E-mail engagement. Mailgun repeats for 8 hours what gets neither 200 nor 406."""

    name = "mailgun"
    channel = Channel.EMAIL
    paths: tuple[str, ...] = ("/v1/mailgun/events",)
    types: tuple[str, ...] = JSON_TYPES
    thanks = b'{"success":true}'

    def __init__(self, settings: CollectorSettings) -> None:
        self._keys, self._skew_s = settings.mailgun_keys, settings.mailgun_skew_s
        self._pepper = settings.pepper.get_secret_value()
        self._spent: OrderedDict[str, bytes] = OrderedDict()

    def verify(self, request: Request) -> None:
        """Check signature, age, and that the token has not come with another body to this collector."""
        needed(self._keys, "LEADSTREAM_MAILGUN_KEYS", "the HTTP webhook signing key")
        webhook = _parsed(request.body)
        it = webhook.signature
        message = (it.timestamp + it.token).encode(errors="replace")
        signed("signature.signature", self._keys, message, from_hex(it.signature))
        fresh("signature.timestamp", seconds(it.timestamp), request, self._skew_s)
        met = blake2b(bytes(webhook.event_data), digest_size=16).digest()
        if self._spent.setdefault(it.token, met) != met:
            raise unsigned("signature.token, spent already: it")
        if len(self._spent) > TOKENS:
            self._spent.popitem(last=False)

    def split(self, request: Request) -> list[Part]:
        """Return the one event, without the signature."""
        body = bytes(_parsed(request.body).event_data)
        event = readable(body)
        event_id, email = text(event.get("id")) or hashed(body), text(event.get("recipient"))
        return [Part(event_id, "event", key_of(self._pepper, email=email, otherwise=event_id), body)]

    @staticmethod
    def adapt(raw: RawEvent) -> Sighting:
        """Return what an e-mail event says. A temporary failure is no bounce: Mailgun goes on trying."""
        event = decoded(_event, body_of(raw))
        kind = kind_of(KINDS, event.event)
        if kind is Kind.EMAIL_BOUNCE and event.severity == "temporary":
            kind = Kind.OTHER
        client = event.client_info or Client()
        return mail_event(
            raw,
            kind=kind,
            at=event.timestamp,
            email=event.recipient,
            lead=(event.user_variables or {}).get("lead_id"),
            link=event.url or "",
            mailing=next(iter(event.tags or ()), ""),
            agent=client.user_agent or "",
            ip=event.ip or "",
            machine=bool(client.bot),
        )


def _parsed(body: bytes) -> Webhook:
    try:
        return parse(_webhook, body)
    except Unsound as error:
        raise Refused(400, error.code, str(error)) from None
