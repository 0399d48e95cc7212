"""Salesforce change events as JSON, sent by whatever bridges its event bus: what became of leads and opportunities.

Our own writes come back as changes: they are recognised by their origin, and left alone. Where an event says that
others are missing, or does not name our lead, it is a notice: the fetcher reads the record.
https://developer.salesforce.com/docs/atlas.en-us.change_data_capture.meta/change_data_capture/cdc_event_fields_header.htm
"""

import msgspec
from msgspec import Struct

from connectors.settings import CollectorSettings
from connectors.sources.contract import JSON_TYPES, Part, Refused, Request
from connectors.sources.reading import decoded, key_of, number, open_raw, text
from connectors.sources.signing import needed, presented
from connectors.sources.splitting import composed, objects, readable, within
from schemas.keys import rank
from schemas.records import Channel, Kind, OutcomeKind, RawEvent
from schemas.rejected import Reason, Rejected
from schemas.sighting import Identifiers, Sighting

LEAD_ID = "Leadstream_Id__c"
TELLING = {"Lead": ("Status", "IsConverted"), "Opportunity": ("StageName",)}
LEAD_STATUS = {
    "working - contacted": OutcomeKind.ACCEPTED,
    "closed - converted": OutcomeKind.ACCEPTED,
    "closed - not converted": OutcomeKind.DISQUALIFIED,
    "unqualified": OutcomeKind.DISQUALIFIED,
}
STAGES = {"closed won": OutcomeKind.WON, "closed lost": OutcomeKind.LOST}
GAP, OVERFLOW = "GAP_", "GAP_OVERFLOW"


class Header(Struct, rename="camel"):
    """What an event says of itself; `commit_timestamp` is in milliseconds."""

    entity_name: str
    change_type: str
    commit_timestamp: float


class Change(Struct):
    """The fields that we read, of a change or of a record; Salesforce's names. A change holds what has changed."""

    ChangeEventHeader: Header
    Status: str | None = None
    IsConverted: bool | None = None
    StageName: str | None = None
    Amount: float | None = None
    Email: str | None = None
    lead_id: str | None = msgspec.field(name=LEAD_ID, default=None)


_change = msgspec.json.Decoder(Change)


class Salesforce:
    """Outcomes, under a Bearer key."""

    name = "salesforce"
    channel = Channel.CRM
    paths: tuple[str, ...] = ("/v1/salesforce/changes",)
    types: tuple[str, ...] = JSON_TYPES
    thanks = b'{"success":true}'

    def __init__(self, settings: CollectorSettings) -> None:
        self._keys, self._client = settings.salesforce_keys, settings.salesforce_client
        self._pepper = settings.pepper.get_secret_value()

    def verify(self, request: Request) -> None:
        """Look for a Bearer key."""
        needed(self._keys, "LEADSTREAM_SALESFORCE_KEYS", "a key, and give it to the bridge")
        if not self._keys.owner(presented(request)):
            raise Refused(401, "invalid_key", "send `Authorization: Bearer KEY` with one of LEADSTREAM_SALESFORCE_KEYS")

    def split(self, request: Request) -> list[Part]:
        """Return one part for each record that an event is about."""
        return [part for body in objects(request.body) for part in self._parts(body)]

    def _parts(self, body: bytes) -> list[Part]:
        event = readable(body)
        event = inner if isinstance(inner := event.get("payload"), dict) else event
        records = within(event, "ChangeEventHeader", "recordIds")
        ids = [found for one in records if (found := text(one))] if isinstance(records, list) else []
        return [self._part(body, event, record) for record in ids or [""]]

    def _part(self, body: bytes, event: dict[str, object], record: str) -> Part:
        header = event.get("ChangeEventHeader")
        numbers = [str(within(header, name)) for name in ("commitNumber", "sequenceNumber")]
        event_id = composed(text(within(header, "entityName")), record, *numbers)
        lead, email = text(event.get(LEAD_ID)), text(event.get("Email"))
        key = lead if rank(lead) >= 0 else key_of(self._pepper, email=email, otherwise=event_id)
        change, entity = text(within(header, "changeType")), text(within(header, "entityName"))
        envelope = msgspec.json.encode({"record": record})
        if self._client and f"client={self._client}" in text(within(header, "changeOrigin")):
            return Part(event_id, "change", key, body, ignored="own_change")
        if entity in TELLING and change.startswith(GAP):
            return Part(event_id, "gap", key, body, envelope, notice=True)
        if entity in TELLING and not any(event.get(name) is not None for name in TELLING[entity]):
            return Part(event_id, "change", key, body, ignored="tells_nothing")
        if entity in TELLING and not (lead or email):
            return Part(event_id, "nameless", key, body, envelope, notice=True)
        return Part(event_id, "change", key, body)

    @staticmethod
    def adapt(raw: RawEvent) -> Sighting:
        """Return what became of a lead."""
        body, _ = open_raw(raw)
        change = decoded(_change, bytes(inner) if (inner := decoded(_wrapped, body).payload) else body)
        lead, email = text(change.lead_id), text(change.Email)
        lead = lead if rank(lead) >= 0 else ""
        if not (lead or email):
            raise Rejected(Reason.MISSING_ID, f"{LEAD_ID} or Email")
        kind = _told(change)
        if kind is None:
            raise Rejected(Reason.UNKNOWN_TYPE, "a change that says nothing of sales")
        return Sighting(
            id=raw.event_id,
            kind=Kind.CONTACT,
            channel=Channel.CRM,
            occurred_at=change.ChangeEventHeader.commit_timestamp / 1000,
            identifiers=Identifiers(lead=lead, email=email),
            value=number(change.Amount, "Amount"),
            person={"email": email} if email else {},
            outcome=kind,
        )


class Wrapped(Struct):
    """An event inside the envelope that the event bus's own clients write around it."""

    payload: msgspec.Raw = msgspec.Raw(b"")


_wrapped = msgspec.json.Decoder(Wrapped)


def _told(change: Change) -> OutcomeKind | None:
    """Return what a change means; None = nothing to us."""
    if change.ChangeEventHeader.entity_name == "Opportunity" and change.StageName:
        return STAGES.get(change.StageName.lower(), OutcomeKind.OPPORTUNITY)
    if change.ChangeEventHeader.entity_name == "Lead":
        return OutcomeKind.ACCEPTED if change.IsConverted else LEAD_STATUS.get((change.Status or "").lower())
    return None
