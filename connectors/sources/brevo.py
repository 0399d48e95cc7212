"""Brevo's webhooks: one event, or an array of up to 500, under a token or password of ours: Brevo does not sign.

Of its many times only `ts_event` and `ts_epoch` are in UTC: the others are in the account's zone, or in Paris's.
https://developers.brevo.com/docs/transactional-webhooks
"""

import msgspec
from msgspec import Struct

from connectors.settings import CollectorSettings
from connectors.sources.contract import JSON_TYPES, Part, Refused, Request
from connectors.sources.mail import body_of, kind_of, mail_event
from connectors.sources.reading import decoded, key_of, text
from connectors.sources.signing import needed, presented
from connectors.sources.splitting import composed, objects, readable
from schemas.records import Channel, Kind, RawEvent
from schemas.rejected import Reason, Rejected
from schemas.sighting import Sighting

KINDS = {
    "delivered": Kind.EMAIL_DELIVERED,
    "opened": Kind.EMAIL_OPEN,
    "unique_opened": Kind.EMAIL_OPEN,
    "proxy_open": Kind.EMAIL_OPEN,
    "unique_proxy_open": Kind.EMAIL_OPEN,
    "click": Kind.EMAIL_CLICK,
    "hard_bounce": Kind.EMAIL_BOUNCE,
    "invalid_email": Kind.EMAIL_BOUNCE,
    "blocked": Kind.EMAIL_BOUNCE,
    "unsubscribed": Kind.UNSUBSCRIBE,
    "unsubscribe": Kind.UNSUBSCRIBE,
    "spam": Kind.SPAM_REPORT,
    "request": Kind.OTHER,
    "soft_bounce": Kind.OTHER,
    "deferred": Kind.OTHER,
    "error": Kind.OTHER,
    "list_addition": Kind.OTHER,
}
TIMELESS = ("list_addition",)  # its one time is in Paris's zone


class MailEvent(Struct):
    """The fields of one event that we read; Brevo's names, those of campaigns too."""

    event: str
    email: str = ""
    ts_event: float | None = None
    ts_epoch: float | None = None
    link: str = ""
    url: str = msgspec.field(name="URL", default="")
    campaign: str | None = msgspec.field(name="campaign name", default=None)
    tag: str | None = None
    tags: list[str] | None = None
    user_agent: str | None = None
    lead_id: str | None = msgspec.field(name="X-Mailin-custom", default=None)


_event = msgspec.json.Decoder(MailEvent)


class Brevo:
    """E-mail engagement."""

    name = "brevo"
    channel = Channel.EMAIL
    paths: tuple[str, ...] = ("/v1/brevo/events",)
    types: tuple[str, ...] = JSON_TYPES
    thanks = b'{"success":true}'

    def __init__(self, settings: CollectorSettings) -> None:
        self._keys = settings.brevo_keys
        self._pepper = settings.pepper.get_secret_value()

    def verify(self, request: Request) -> None:
        """Look for a token or a password."""
        needed(self._keys, "LEADSTREAM_BREVO_KEYS", "the token or password that Brevo sends with the webhook")
        if not self._keys.owner(presented(request)):
            raise Refused(401, "invalid_key", "send a token or basic authentication with one of LEADSTREAM_BREVO_KEYS")

    def split(self, request: Request) -> list[Part]:
        """Return the one event, or each of a batch."""
        return [self._part(item) for item in objects(request.body)]

    def _part(self, body: bytes) -> Part:
        """Brevo tells of a first open twice, as `opened` and as `unique_opened`: both have one id."""
        event = readable(body)
        email, name = text(event.get("email")), text(event.get("event"))
        link = event.get("link", event.get("URL"))
        marks = [*map(event.get, ("id", "message-id", "ts_event", "ts_epoch")), link]
        event_id = composed(*map(str, marks), email, name.removeprefix("unique_"))
        return Part(event_id, "event", key_of(self._pepper, email=email, otherwise=event_id), body)

    @staticmethod
    def adapt(raw: RawEvent) -> Sighting:
        """Return what an e-mail event says."""
        event = decoded(_event, body_of(raw))
        kind = kind_of(KINDS, event.event)
        at = event.ts_event if event.ts_epoch is None else event.ts_epoch / 1000
        if event.event in TIMELESS:
            at = raw.received_at
        if at is None:
            raise Rejected(Reason.INVALID_VALUE, "neither ts_event nor ts_epoch is there")
        return mail_event(
            raw,
            kind=kind,
            at=at,
            email=event.email,
            lead=event.lead_id,
            link=event.link or event.url,
            mailing=event.campaign or event.tag or next(iter(event.tags or ()), ""),
            agent=event.user_agent or "",
            machine=event.event.endswith("proxy_open"),
        )
