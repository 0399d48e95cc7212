"""What CRMs say became of leads: our own format, one outcome or several, under a Bearer key.

{"outcome_id": "o-1", "lead_id": "e-...", "outcome": "won", "occurred_at": "2026-11-20T09:15:01Z", "value": 1200}
"""

import msgspec
from msgspec import Raw, Struct

from connectors.settings import CollectorSettings
from connectors.sources.contract import JSON_TYPES, Part, Refused, Request
from connectors.sources.reading import decoded, instant, key_of, number, open_raw, text
from connectors.sources.sound import SIGNED, Unsound, parse, parse_event
from schemas.keys import is_canary, rank
from schemas.records import Channel, Kind, OutcomeKind, RawEvent
from schemas.rejected import Reason, Rejected
from schemas.sighting import Identifiers, Sighting


class Outcomes(Struct):
    """Several outcomes in one request."""

    outcomes: list[Raw] | None = None


class Told(Struct):
    """One outcome. `lead_id` is the one that a routed lead carried; `email` serves where a CRM has lost it."""

    outcome_id: str | int
    outcome: str
    occurred_at: str
    lead_id: str = ""
    email: str = ""
    value: float | None = None
    reason: str = ""


_outcomes = msgspec.json.Decoder(Outcomes)
_told = msgspec.json.Decoder(Told)


class Crm:
    """Outcomes, each answered for itself."""

    name = "crm"
    channel = Channel.CRM
    paths: tuple[str, ...] = ("/v1/outcomes",)
    types: tuple[str, ...] = JSON_TYPES
    thanks = b'{"success":true}'

    def __init__(self, settings: CollectorSettings) -> None:
        self._keys = settings.crm_keys
        self._pepper = settings.pepper.get_secret_value()
        self._event_bytes, self._batch_items = settings.event_bytes, settings.batch_items

    def verify(self, request: Request) -> None:
        """Look for a Bearer key."""
        if not self._keys:
            raise Refused(401, "no_crm_keys", "set LEADSTREAM_CRM_KEYS before sending outcomes")
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self._keys.owner(key.strip()):
            raise Refused(401, "invalid_crm_key", "send `Authorization: Bearer KEY` with one of LEADSTREAM_CRM_KEYS")

    def split(self, request: Request) -> list[Part]:
        """Return the one outcome, or each of `outcomes`."""
        try:
            outcomes = parse(_outcomes, request.body).outcomes
        except Unsound as error:
            raise Refused(400, error.code, str(error)) from None
        if outcomes is None:
            part = self._part(request.body)
            if part.problem:
                raise Refused(400, part.problem, part.advice)
            return [part]
        if not 1 <= len(outcomes) <= self._batch_items:
            raise Refused(400, "batch_size", f"outcomes holds 1 to {self._batch_items} objects")
        return [self._part(bytes(item)) for item in outcomes]

    def _part(self, body: bytes) -> Part:
        if len(body) > self._event_bytes:
            return _refused(body, "too_large", f"an outcome may hold {self._event_bytes} bytes")
        try:
            parse_event(body, SIGNED)
            told = parse(_told, body)
            _checked(told)
        except Unsound as error:
            return _refused(body, error.code, str(error))
        except Rejected as rejected:
            return _refused(body, str(rejected.reason), rejected.detail)
        key = told.lead_id or key_of(self._pepper, email=told.email, otherwise="")
        return Part(text(told.outcome_id), "outcome", key, body)

    @staticmethod
    def adapt(raw: RawEvent) -> Sighting:
        """Return what an outcome says."""
        body, _ = open_raw(raw)
        told = decoded(_told, body)
        kind, at = _checked(told)
        return Sighting(
            id=text(told.outcome_id),
            kind=Kind.CONTACT,
            channel=Channel.CRM,
            occurred_at=at,
            identifiers=Identifiers(lead=told.lead_id, email=told.email.strip()),
            value=number(told.value, "value"),
            person={"email": told.email.strip()} if told.email.strip() else {},
            outcome=kind,
            reason=text(told.reason),
        )


def _checked(told: Told) -> tuple[OutcomeKind, float]:
    """Return an outcome's kind and instant. Raises `Rejected` for what no later step can mend."""
    if not text(told.outcome_id):
        raise Rejected(Reason.MISSING_ID, "outcome_id")
    if not (told.lead_id or told.email.strip()):
        raise Rejected(Reason.MISSING_ID, "lead_id or email")
    if told.lead_id and (rank(told.lead_id) < 0 or is_canary(told.lead_id)):
        raise Rejected(Reason.INVALID_VALUE, "lead_id is none of ours; send the one that the routed lead carried")
    try:
        return OutcomeKind(told.outcome), instant(told.occurred_at, "occurred_at")
    except ValueError:
        raise Rejected(Reason.UNKNOWN_TYPE, f"outcome is one of {', '.join(OutcomeKind)}") from None


def _refused(body: bytes, problem: str, advice: str) -> Part:
    return Part("", "outcome", "", body, problem=problem, advice=advice)
