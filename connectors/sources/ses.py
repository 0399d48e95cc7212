"""Amazon SES: what became of e-mails, published over SNS.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
"""

import msgspec
from msgspec import Struct

from connectors.settings import CollectorSettings
from connectors.sources import sns
from connectors.sources.contract import JSON_TYPES, Part, Refused, Request
from connectors.sources.mail import kind_of, mail_event
from connectors.sources.reading import decoded, instant, key_of, open_raw, text
from connectors.sources.signing import fresh, needed
from connectors.sources.splitting import readable, within
from schemas.records import Channel, Kind, RawEvent
from schemas.rejected import Reason, Rejected
from schemas.sighting import Sighting

KINDS = {
    "Delivery": Kind.EMAIL_DELIVERED,
    "Open": Kind.EMAIL_OPEN,
    "Click": Kind.EMAIL_CLICK,
    "Bounce": Kind.EMAIL_BOUNCE,
    "Complaint": Kind.SPAM_REPORT,
    "Subscription": Kind.UNSUBSCRIBE,
    "Send": Kind.OTHER,
    "Reject": Kind.OTHER,
    "Rendering Failure": Kind.OTHER,
    "DeliveryDelay": Kind.OTHER,
}
MOST_RECIPIENTS = 50  # Amazon's own limit for one e-mail


class Mail(Struct, rename="camel"):
    """The e-mail that it is about."""

    timestamp: str
    destination: list[str] = []
    tags: dict[str, list[str]] | None = None


class Topic(Struct, rename="camel"):
    """Whether somebody wants e-mails of one kind."""

    subscription_status: str = ""


class Preferences(Struct, rename="camel"):
    """Which e-mails somebody wants from now on."""

    unsubscribe_all: bool = False
    topic_subscription_status: list[Topic] | None = None

    def withdrawn(self) -> bool:
        """Tell whether there are e-mails that are not wanted; one that asks for more is no consent, and not this."""
        topics = self.topic_subscription_status or ()
        return self.unsubscribe_all or any(topic.subscription_status == "OptOut" for topic in topics)


class Happened(Struct, rename="camel"):
    """What happened to it: the fields that we read of any event."""

    timestamp: str | None = None
    link: str = ""
    user_agent: str | None = None
    ip_address: str | None = None
    bounce_type: str | None = None
    complaint_feedback_type: str | None = None
    new_topic_preferences: Preferences | None = None


class MailEvent(Struct, rename="camel"):
    """One event; Amazon's names. Feedback notifications call the type otherwise than published events do."""

    mail: Mail
    event_type: str | None = None
    notification_type: str | None = None
    delivery: Happened | None = None
    open: Happened | None = None
    click: Happened | None = None
    bounce: Happened | None = None
    complaint: Happened | None = None
    subscription: Happened | None = None


class Whom(Struct):
    """Which recipient of the e-mail a part is about."""

    recipient: str = ""


_message = msgspec.json.Decoder(sns.Envelope)
_event = msgspec.json.Decoder(MailEvent)
_whom = msgspec.json.Decoder(Whom)


class Ses:
    """E-mail engagement, signed by SNS. A request to confirm the subscription is a notice: the fetcher confirms it."""

    name = "ses"
    channel = Channel.EMAIL
    paths: tuple[str, ...] = ("/v1/ses/events",)
    types: tuple[str, ...] = JSON_TYPES
    thanks = b'{"success":true}'

    def __init__(self, settings: CollectorSettings) -> None:
        self._topics, self._skew_s = settings.sns_topics, settings.sns_skew_s
        self._certificates = sns.certificates(settings.sns_certificates, "LEADSTREAM_SNS_CERTIFICATES")
        self._pepper = settings.pepper.get_secret_value()

    def verify(self, request: Request) -> None:
        """Check topic, signature, age."""
        needed(self._topics, "LEADSTREAM_SNS_TOPICS", "the ARNs of the topics on which SES publishes")
        needed(self._certificates, "LEADSTREAM_SNS_CERTIFICATES", "the PEM file at a message's SigningCertURL")
        envelope = sns.opened(request.body)
        sns.checked(envelope, self._topics, self._certificates, request.received_at)
        try:
            at = instant(envelope.timestamp, "Timestamp")
        except Rejected as rejected:
            raise Refused(400, "invalid_value", rejected.detail) from None
        fresh("Timestamp", at, request, self._skew_s)

    def split(self, request: Request) -> list[Part]:
        """Return one part for each recipient that the event is about."""
        envelope = sns.opened(request.body)
        if envelope.type == sns.SUBSCRIPTION:
            key = key_of(self._pepper, otherwise=envelope.topic_arn)
            return [Part(envelope.message_id, "subscription", key, request.body, notice=True)]
        if envelope.type != sns.NOTIFICATION:
            return []
        event = readable(envelope.message.encode(errors="replace"))
        people = _recipients(event)[:MOST_RECIPIENTS] or [""]
        return [self._part(envelope.message_id, request.body, whom, len(people) > 1) for whom in people]

    def _part(self, message_id: str, body: bytes, recipient: str, shared: bool) -> Part:
        key = key_of(self._pepper, email=recipient, otherwise=message_id)
        event_id = f"{message_id}/{key}" if shared else message_id
        return Part(event_id, "event", key, body, msgspec.json.encode(Whom(recipient)))

    @staticmethod
    def adapt(raw: RawEvent) -> Sighting:
        """Return what an e-mail event says.

        A transient bounce is none; a complaint of "not spam" is no complaint, a subscription no unsubscribing.
        """
        body, fields = open_raw(raw)
        envelope = fields.get("envelope")
        whom = decoded(_whom, envelope) if isinstance(envelope, bytes) else Whom()
        event = decoded(_event, decoded(_message, body).message.encode(errors="replace"))
        kind = kind_of(KINDS, event.event_type or event.notification_type or "")
        found = event.delivery or event.open or event.click or event.bounce or event.complaint or event.subscription
        it = found or Happened()
        if it.bounce_type not in (None, "Permanent") or it.complaint_feedback_type == "not-spam":
            kind = Kind.OTHER
        if it.new_topic_preferences is not None and not it.new_topic_preferences.withdrawn():
            kind = Kind.OTHER
        sent, at = instant(event.mail.timestamp, "mail.timestamp"), it.timestamp
        happened = instant(at, "timestamp") if at else sent
        tags = event.mail.tags or {}
        if not whom.recipient:
            raise Rejected(Reason.MISSING_ID, "mail.destination")
        return mail_event(
            raw,
            kind=kind,
            at=happened,
            email=whom.recipient,
            lead=next(iter(tags.get("lead_id", ())), ""),
            link=it.link,
            mailing=next(iter(tags.get("campaign", tags.get("ses:configuration-set", ()))), ""),
            agent=it.user_agent or "",
            ip=it.ip_address or "",
            after_s=happened - sent,
        )


def _recipients(event: dict[str, object]) -> list[str]:
    """Return whom an event is about: those who bounced or complained, else all whom the e-mail went to."""
    told = within(event, "bounce", "bouncedRecipients") or within(event, "complaint", "complainedRecipients")
    if isinstance(told, list):
        return [found for one in told if (found := text(within(one, "emailAddress")))]
    everyone = within(event, "delivery", "recipients") or within(event, "mail", "destination")
    return [found for one in everyone if (found := text(one))] if isinstance(everyone, list) else []
