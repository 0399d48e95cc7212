"""Calendly's webhook: meetings booked and cancelled, signed with a timestamp.

https://developer.calendly.com/api-docs/4c305798a61d3-webhook-signatures
"""

import re

import msgspec
from msgspec import Struct

from connectors.settings import CollectorSettings
from connectors.sources.answers import person, reachable, traits
from connectors.sources.contract import JSON_TYPES, Part, Request
from connectors.sources.reading import decoded, filled, instant, key_of, open_raw, text
from connectors.sources.signing import fresh, from_hex, needed, seconds, signed
from connectors.sources.splitting import composed, one, within
from connectors.sources.words import said_in
from schemas.records import Channel, Kind, RawEvent
from schemas.rejected import Reason, Rejected
from schemas.sighting import Campaign, Identifiers, Sighting

SIGNATURE = "calendly-webhook-signature"
KINDS = {
    "invitee.created": Kind.DEMO_REQUEST,
    "invitee.canceled": Kind.OTHER,
    "invitee_no_show.created": Kind.OTHER,
    "routing_form_submission.created": Kind.FORM,
}
ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
NOT_HELD = ("invitee.canceled", "invitee_no_show.created")


class Tracking(Struct):
    """Where the invitee came from."""

    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None


class Answer(Struct):
    """One answer in the form."""

    question: str = ""
    answer: str | None = None


class Invitee(Struct):
    """Who is invited; of a routing form, who filled it in: only its answers tell who that is."""

    email: str | None = None
    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    text_reminder_number: str | None = None
    tracking: Tracking | None = None
    questions_and_answers: list[Answer] | None = None

    def answers(self) -> dict[str, str]:
        """Return the answers by question, in small letters with `_` between words; an address also as `email`."""
        given = self.questions_and_answers or ()
        found = {"_".join(it.question.lower().split()).strip("?:*_"): it.answer or "" for it in given}
        return {"email": next(filter(ADDRESS.fullmatch, found.values()), "")} | found


class Webhook(Struct):
    """The body of a request; Calendly's names."""

    event: str
    created_at: str
    payload: Invitee


_webhook = msgspec.json.Decoder(Webhook)


class Calendly:
    """Meetings. Who books one asks to be contacted; that it was held is for the CRM to say."""

    name = "calendly"
    channel = Channel.WEB
    paths: tuple[str, ...] = ("/v1/calendly/events",)
    types: tuple[str, ...] = JSON_TYPES
    thanks = b'{"success":true}'

    def __init__(self, settings: CollectorSettings) -> None:
        self._keys, self._skew_s = settings.calendly_keys, settings.calendly_skew_s
        self._pepper = settings.pepper.get_secret_value()

    def verify(self, request: Request) -> None:
        """Check the signature over timestamp and body, then the age."""
        needed(self._keys, "LEADSTREAM_CALENDLY_KEYS", "the signing key of the webhook subscription")
        named = dict(item.strip().partition("=")[::2] for item in request.headers.get(SIGNATURE, "").split(","))
        at = named.get("t", "")
        signed(SIGNATURE, self._keys, at.encode() + b"." + request.body, from_hex(named.get("v1", "")))
        fresh(SIGNATURE, seconds(at), request, self._skew_s)

    def split(self, request: Request) -> list[Part]:
        """Return the one event; an invitee's URI and what happened tell it apart."""
        event = one(request.body)
        event_id = composed(text(event.get("event")), text(within(event, "payload", "uri")))
        email = text(within(event, "payload", "email"))
        return [Part(event_id, "event", key_of(self._pepper, email=email, otherwise=event_id), request.body)]

    @staticmethod
    def adapt(raw: RawEvent) -> Sighting:
        """Return what happened to a meeting."""
        webhook = decoded(_webhook, open_raw(raw)[0])
        if webhook.event not in KINDS:
            raise Rejected(Reason.UNKNOWN_TYPE, "Calendly has no such event, or we do not know it")
        who, came = webhook.payload, webhook.payload.tracking or Tracking()
        answers = who.answers()
        asked_email, asked_phone = reachable(answers)
        email, phone = text(who.email) or asked_email, text(who.text_reminder_number) or asked_phone
        if not (email or phone):
            raise Rejected(Reason.MISSING_ID, "payload.email, and none among the answers")
        not_held = webhook.event in NOT_HELD
        names = {"name": text(who.name), "first_name": text(who.first_name), "last_name": text(who.last_name)}
        return Sighting(
            id=raw.event_id,
            kind=KINDS[webhook.event],
            channel=Channel.WEB,
            occurred_at=instant(webhook.created_at, "created_at"),
            identifiers=Identifiers(email=email, phone=phone),
            weight=0.0 if not_held else 1.0,
            weight_reason="meeting not held" if not_held else "",
            campaign=Campaign(source=text(came.utm_source), medium=text(came.utm_medium), name=text(came.utm_campaign)),
            traits=traits(answers),
            consent={"contact": True} if webhook.event == "invitee.created" else {},
            person={**person(answers), **filled({"email": email, "phone": phone, **names})},
            said=said_in((answers,)),
        )
