"""LinkedIn Lead Sync: signed notices of leads, each to be fetched; and of leads whom LinkedIn wants forgotten.

The challenge and the notices are signed with one secret, and only a prefix tells them apart. So a challenge is answered
only when it is a UUID: else whoever may ask could have a notice of their own making signed.
https://learn.microsoft.com/linkedin/marketing/lead-sync/leadsync
"""

import re
from hmac import digest

import msgspec
from msgspec import Struct

from connectors.settings import CollectorSettings
from connectors.sources.answers import ad_lead
from connectors.sources.contract import JSON_TYPES, Part, Refused, Reply, Request
from connectors.sources.reading import decoded, erasure, key_of, open_raw, text
from connectors.sources.signing import from_hex, needed, signed
from connectors.sources.splitting import composed, one, query_of
from schemas.records import Channel, RawEvent
from schemas.rejected import Reason, Rejected
from schemas.sighting import Campaign, Identifiers, Sighting

SIGNATURE, PREFIX = "x-li-signature", "hmacsha256="
UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
ENDPOINTS = {"CREATED": "created", "DELETED": "deleted"}
LEAD = "lead"


class Notice(Struct, rename="camel"):
    """A notice; LinkedIn's names. `occurred_at` is in milliseconds."""

    lead_gen_form_response: str
    occurred_at: float


class Text(Struct):
    """What was typed."""

    answer: str = ""


class Details(Struct, rename="camel", frozen=True):
    """An answer, when it is one that was typed."""

    text_question_answer: Text | None = None


class Answer(Struct, rename="camel"):
    """One answer in the form."""

    question_id: int
    answer_details: Details = Details()


class Answers(Struct, frozen=True):
    """All of them."""

    answers: list[Answer] = []


class Response(Struct, rename="camel"):
    """What somebody sent; `submitted_at` is in milliseconds."""

    submitted_at: float
    form_response: Answers = Answers()
    test_lead: bool = False
    associated_entity: dict[str, object] | None = None


class Question(Struct, rename="camel"):
    """What was asked: `predefined_field` names what LinkedIn fills in itself."""

    question_id: int
    predefined_field: str | None = None
    name: str | None = None


class Content(Struct, frozen=True):
    """What the form says."""

    questions: list[Question] = []


class Form(Struct, frozen=True):
    """The form, as LinkedIn answers."""

    content: Content = Content()


class Lead(Struct):
    """What the fetcher brings: the notice's response, and the form that explains it."""

    urn: str
    response: Response
    form: Form = Form()


_notice = msgspec.json.Decoder(Notice)
_lead = msgspec.json.Decoder(Lead)


class LinkedInAds:
    """Leads from forms on LinkedIn."""

    name = "linkedin_ads"
    channel = Channel.AD
    paths: tuple[str, ...] = ("/v1/linkedin/leads",)
    types: tuple[str, ...] = JSON_TYPES
    thanks = b'{"success":true}'

    def __init__(self, settings: CollectorSettings) -> None:
        self._secrets = settings.linkedin_secrets
        self._pepper = settings.pepper.get_secret_value()

    def answer(self, request: Request) -> Reply:
        """Return the challenge, signed with the newest secret; only a UUID is signed."""
        needed(self._secrets, "LEADSTREAM_LINKEDIN_SECRETS", "the client secret of the app whose webhook this is")
        code = query_of(request).get("challengeCode", "")
        if not UUID.fullmatch(code):
            raise Refused(400, "invalid_challenge", "challengeCode is not a UUID")
        response = digest(next(iter(self._secrets)), code.encode(), "sha256").hex()
        return Reply(200, msgspec.json.encode({"challengeCode": code, "challengeResponse": response}))

    def verify(self, request: Request) -> None:
        """Check the signature; the header has LinkedIn's prefix or not."""
        needed(self._secrets, "LEADSTREAM_LINKEDIN_SECRETS", "the client secret of the app whose webhook this is")
        given = request.headers.get(SIGNATURE, "").removeprefix(PREFIX)
        signed(SIGNATURE, self._secrets, PREFIX.encode() + request.body, from_hex(given))

    def split(self, request: Request) -> list[Part]:
        """Return the one notice. A deleted lead is an event: nothing is left to be fetched."""
        notice = one(request.body)
        urn, action = text(notice.get("leadGenFormResponse")), text(notice.get("leadAction"))
        endpoint = ENDPOINTS.get(action, "other") if urn else "other"
        event_id = composed(urn, action, str(notice.get("occurredAt")))
        key = key_of(self._pepper, user=urn, otherwise=event_id)
        return [Part(event_id, endpoint, key, request.body, notice=endpoint == "created")]

    @staticmethod
    def adapt(raw: RawEvent) -> Sighting:
        """Return what a fetched lead says, or that one is to be forgotten."""
        body, _ = open_raw(raw)
        if raw.endpoint == "deleted":
            notice = decoded(_notice, body)
            urn = text(notice.lead_gen_form_response)
            if not urn:
                raise Rejected(Reason.MISSING_ID, "leadGenFormResponse")
            return erasure(raw, Channel.AD, Identifiers(user=urn), notice.occurred_at / 1000)
        if raw.endpoint != LEAD:
            raise Rejected(Reason.UNKNOWN_TYPE, "a notice says nothing: the fetcher brings the lead")
        lead = decoded(_lead, body)
        return ad_lead(
            raw,
            answers(lead),
            at=lead.response.submitted_at / 1000,
            campaign=Campaign(
                source="linkedin",
                medium="cpc",
                name=text(next(iter((lead.response.associated_entity or {}).values()), "")),
            ),
            user=text(lead.urn),
            test=lead.response.test_lead,
        )


def answers(lead: Lead) -> dict[str, str]:
    """Return the form's answers by field name, in lower case."""
    names = {it.question_id: (it.predefined_field or it.name or "").lower() for it in lead.form.content.questions}
    found = {}
    for answer in lead.response.form_response.answers:
        name, typed = names.get(answer.question_id, ""), answer.answer_details.text_question_answer
        if name and typed:
            found[name] = typed.answer
    return found
