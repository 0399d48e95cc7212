"""Typeform's webhook: a filled-in form, signed.

https://www.typeform.com/developers/webhooks/secure-your-webhooks/
"""

import msgspec
from msgspec import Struct

from connectors.settings import CollectorSettings
from connectors.sources.answers import person, reachable, traits
from connectors.sources.contract import JSON_TYPES, Part, Request
from connectors.sources.reading import CLICK_IDS, decoded, filled, hashed, instant, key_of, number, open_raw, text
from connectors.sources.signing import from_base64, needed, signed
from connectors.sources.splitting import one, within
from connectors.sources.words import said_in
from schemas.records import Channel, Kind, RawEvent
from schemas.rejected import Reason, Rejected
from schemas.sighting import Campaign, Identifiers, Sighting

SIGNATURE = "typeform-signature"
PURPOSES = {"consent": "contact", "newsletter": "contact", "contact": "contact", "ads": "ads", "analytics": "analytics"}


class Field(Struct, frozen=True):
    """Which question an answer is to; `ref` is the customer's name for it."""

    id: str = ""
    ref: str = ""


class Choice(Struct):
    """What was chosen."""

    label: str = ""


class Choices(Struct):
    """What was chosen where several things may be."""

    labels: list[str] = []


class Answer(Struct):
    """One answer: the member that its type names is set."""

    type: str
    field: Field = Field()
    email: str | None = None
    phone_number: str | None = None
    text: str | None = None
    boolean: bool | None = None
    number: float | None = None
    choice: Choice | None = None
    choices: Choices | None = None
    url: str | None = None

    def said(self) -> str:
        """Return what was answered, as text."""
        if self.number is not None:
            return f"{self.number:.15g}"
        chosen = ", ".join(self.choices.labels) if self.choices else self.choice.label if self.choice else ""
        return self.email or self.phone_number or self.text or self.url or chosen


class Definition(Struct, frozen=True):
    """The form."""

    title: str = ""


class Calculated(Struct):
    """What the form counted."""

    score: float | None = None


class Response(Struct):
    """The form as it was filled in; only the questions that were answered are there."""

    submitted_at: str
    definition: Definition = Definition()
    answers: list[Answer] = []
    hidden: dict[str, object] | None = None
    calculated: Calculated | None = None


class Webhook(Struct):
    """The body of a request; Typeform's names."""

    event_type: str
    form_response: Response | None = None


_webhook = msgspec.json.Decoder(Webhook)


class Typeform:
    """Forms. Typeform switches the webhook off at a 404 or a 410, so no answer of ours is one."""

    name = "typeform"
    channel = Channel.WEB
    paths: tuple[str, ...] = ("/v1/typeform/responses",)
    types: tuple[str, ...] = JSON_TYPES
    thanks = b'{"success":true}'

    def __init__(self, settings: CollectorSettings) -> None:
        self._secrets = settings.typeform_secrets
        self._pepper = settings.pepper.get_secret_value()

    def verify(self, request: Request) -> None:
        """Check the signature: base64, not hex."""
        needed(self._secrets, "LEADSTREAM_TYPEFORM_SECRETS", "the secret of the webhook at Typeform")
        scheme, _, signature = request.headers.get(SIGNATURE, "").partition("=")
        signed(SIGNATURE, self._secrets, request.body, from_base64(signature) if scheme == "sha256" else b"")

    def split(self, request: Request) -> list[Part]:
        """Return the one response."""
        event = one(request.body)
        event_id = text(event.get("event_id")) or hashed(request.body)
        visitor = text(within(event, "form_response", "hidden", "anonymous_id"))
        return [Part(event_id, "response", key_of(self._pepper, visitor=visitor, otherwise=event_id), request.body)]

    @staticmethod
    def adapt(raw: RawEvent) -> Sighting:
        """Return what a filled-in form says. Hidden fields carry the visitor, and where they came from."""
        webhook = decoded(_webhook, open_raw(raw)[0])
        response = webhook.form_response
        if webhook.event_type != "form_response" or response is None:
            raise Rejected(Reason.UNKNOWN_TYPE, "event_type is not form_response")
        answers = _named(response.answers)
        hidden = {name: text(value) for name, value in (response.hidden or {}).items()}
        email, phone = reachable(answers)
        visitor = hidden.get("anonymous_id", "")
        if not (visitor or email or phone):
            raise Rejected(Reason.MISSING_ID, "neither an e-mail address, a phone number nor hidden.anonymous_id")
        click = next((f"{name}:{hidden[name]}" for name in CLICK_IDS if hidden.get(name)), "")
        return Sighting(
            id=raw.event_id,
            kind=Kind.DEMO_REQUEST if "demo" in response.definition.title.lower() else Kind.FORM,
            channel=Channel.WEB,
            occurred_at=instant(response.submitted_at, "form_response.submitted_at"),
            identifiers=Identifiers(visitor=visitor, email=email, phone=phone),
            campaign=Campaign(
                source=hidden.get("utm_source", ""),
                medium=hidden.get("utm_medium", ""),
                name=hidden.get("utm_campaign", ""),
                click_id=click,
            ),
            value=number(response.calculated.score if response.calculated else None, "calculated.score"),
            traits=traits(answers),
            consent=_purposes(response.answers) | ({"ads": False} if raw.gpc else {}),
            person={**filled({"email": email, "phone": phone}), **person(answers)},
            said=said_in((answers,)),
        )


def _named(answers: list[Answer]) -> dict[str, str]:
    """Return the answers by the customer's name of the question; an address also by what it is."""
    found = {}
    for it in answers:
        said = it.said()
        found[it.field.ref.lower()] = said
        if it.type in ("email", "phone_number"):
            found.setdefault(it.type, said)
    return found


def _purposes(answers: list[Answer]) -> dict[str, bool]:
    """Return what was said yes or no to; a question is a purpose when its `ref` names one."""
    return {
        PURPOSES[it.field.ref.lower()]: it.boolean
        for it in answers
        if it.boolean is not None and it.field.ref.lower() in PURPOSES
    }
