"""Postmark's webhooks: one event each, under a user and password of ours, since Postmark does not sign.

https://postmarkapp.com/developer/webhooks/webhooks-overview
"""

import msgspec
from msgspec import Struct

from connectors.settings import CollectorSettings
from connectors.sources.contract import JSON_TYPES, Part, Refused, Request
from connectors.sources.mail import body_of, kind_of, mail_event
from connectors.sources.reading import decoded, first, instant, key_of
from connectors.sources.signing import needed, presented
from connectors.sources.splitting import composed, one
from schemas.records import Channel, Kind, RawEvent
from schemas.rejected import Reason, Rejected
from schemas.sighting import Sighting

KINDS = {
    "Delivery": Kind.EMAIL_DELIVERED,
    "Open": Kind.EMAIL_OPEN,
    "Click": Kind.EMAIL_CLICK,
    "Bounce": Kind.EMAIL_BOUNCE,
    "SpamComplaint": Kind.SPAM_REPORT,
    "SubscriptionChange": Kind.UNSUBSCRIBE,
}
ADDRESSES, TIMES = ("Recipient", "Email"), ("ReceivedAt", "DeliveredAt", "BouncedAt", "ChangedAt")
FAILED = frozenset({"HardBounce", "BadEmailAddress", "Blocked", "ManuallyDeactivated", "SpamNotification"})


class Geo(Struct, rename="pascal"):
    """Where an open or a click came from."""

    IP: str = ""


class MailEvent(Struct, rename="pascal"):
    """The fields of one event that we read; Postmark's names."""

    record_type: str
    recipient: str = ""
    email: str = ""
    received_at: str = ""
    delivered_at: str = ""
    bounced_at: str = ""
    changed_at: str = ""
    type: str = ""
    suppress_sending: bool = True
    original_link: str = ""
    user_agent: str = ""
    tag: str | None = None
    metadata: dict[str, object] | None = None
    geo: Geo | None = None


_event = msgspec.json.Decoder(MailEvent)


class Postmark:
    """E-mail engagement. Postmark stops sending for good at a 403, so strangers get a 401."""

    name = "postmark"
    channel = Channel.EMAIL
    paths: tuple[str, ...] = ("/v1/postmark/events",)
    types: tuple[str, ...] = JSON_TYPES
    thanks = b'{"success":true}'

    def __init__(self, settings: CollectorSettings) -> None:
        self._keys = settings.postmark_keys
        self._pepper = settings.pepper.get_secret_value()

    def verify(self, request: Request) -> None:
        """Look for a password."""
        needed(self._keys, "LEADSTREAM_POSTMARK_KEYS", "the user and password in the webhook's URL at Postmark")
        if not self._keys.owner(presented(request)):
            raise Refused(401, "invalid_key", "send basic authentication with one of LEADSTREAM_POSTMARK_KEYS")

    def split(self, request: Request) -> list[Part]:
        """Return the one event; Postmark gives it no id, so what tells it apart does."""
        event = one(request.body)
        email, at = first((event,), *ADDRESSES), first((event,), *TIMES)
        marks = [first((event,), name) for name in ("RecordType", "MessageID", "OriginalLink")]
        event_id = composed(*marks, email, at)
        return [Part(event_id, "event", key_of(self._pepper, email=email, otherwise=event_id), request.body)]

    @staticmethod
    def adapt(raw: RawEvent) -> Sighting:
        """Return what an e-mail event says. Opens count although Postmark itself says that machines inflate them."""
        event = decoded(_event, body_of(raw))
        kind = kind_of(KINDS, event.record_type)
        soft = kind is Kind.EMAIL_BOUNCE and event.type not in FAILED
        if soft or (kind is Kind.UNSUBSCRIBE and not event.suppress_sending):
            kind = Kind.OTHER
        at = event.received_at or event.delivered_at or event.bounced_at or event.changed_at
        if not at:
            raise Rejected(Reason.INVALID_VALUE, "none of the event's times is there")
        return mail_event(
            raw,
            kind=kind,
            at=instant(at, "the event's time"),
            email=event.recipient or event.email,
            lead=(event.metadata or {}).get("lead_id"),
            link=event.original_link,
            mailing=event.tag or "",
            agent=event.user_agent,
            ip=event.geo.IP if event.geo else "",
        )
