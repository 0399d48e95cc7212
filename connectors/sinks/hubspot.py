"""HubSpot: contacts, upserted in batches of up to 100; whoever is erased is deleted for good, with what hangs on them.

Sources: https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/batch/post-crm-v3-objects-contacts-batch-upsert
https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/basic/post-crm-v3-objects-contacts-gdpr-delete
"""

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from msgspec import Struct
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from connectors.egress.guard import Guard
from connectors.egress.http import Http, web_address
from connectors.sinks import fields
from connectors.sinks.batches import halving, some
from connectors.sinks.delivery import Delivered, Delivery, Parcel, Refusal, Refused, Retry
from connectors.sinks.verdict import api_verdict, unclear

__all__ = ["HubSpotSink", "Options", "open_sink"]

T = TypeVar("T")
Row = dict[str, Any]
PROPERTIES = {
    "email": "email",
    "firstname": "first_name",
    "lastname": "last_name",
    "phone": "phone",
    "company": "organisation",
    "leadstream_stage": "stage",
    "leadstream_score": "score_percent",
    "leadstream_reasons": "reasons",
    "leadstream_owner": "owner",
    "lead_id": "lead_id",
}
GONE = 404
AGAIN = ("CONFLICT", "RATE_LIMITS")
UNKNOWN = "PROPERTY_DOESNT_EXIST"


class Options(BaseModel):
    """What HubSpot is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: SecretStr = Field(min_length=1, description="access token of a private app that may write contacts")
    url: Annotated[str, AfterValidator(web_address)] = Field("https://api.hubapi.com", description="HubSpot's API")
    version: str = Field(
        "v3/objects",
        pattern=r"^(v3/objects|objects/\d{4}-\d{2})$",
        description="the version segment: v3/objects, or objects/2026-03 of the dated versions",
    )
    id_property: str = Field("email", description="unique property that names a contact; other than email: the lead id")
    properties: Annotated[dict[str, str], AfterValidator(fields.known)] = Field(
        PROPERTIES, description="HubSpot's property: our name for what it is filled with"
    )
    timeout_s: float = Field(20.0, gt=0, description="how long HubSpot may take to answer, seconds")


class Result(Struct, rename="camel"):
    """A contact that was upserted, under the trace id that it was sent with."""

    object_write_trace_id: str | None = None
    new: bool | None = None


class Trouble(Struct):
    """What is wrong with some rows (207 Multi-Status); `context` has their trace ids."""

    category: str | None = None
    context: dict[str, object] | None = None

    def traces(self) -> list[object]:
        """Return the trace ids."""
        found = (self.context or {}).get("objectWriteTraceId")
        return found if isinstance(found, list) else []


class Upserted(Struct):
    """What became of a batch. HubSpot says that any field of an error may be missing."""

    results: list[Result]
    errors: list[Trouble] | None = None


class Contact(Struct):
    """A contact that was found."""

    id: str


class Found(Struct):
    """The contacts that were looked for."""

    results: list[Contact]


class Done(Struct):
    """An answer that says nothing but that it was done."""


class HubSpotSink:
    """Upserts contacts. A batch that is refused is halved until the contact that spoils it stands alone."""

    largest, newest = 100, True

    def __init__(self, options: Options, guard: Guard) -> None:
        self._options, self._http = options, Http(guard, options.timeout_s)
        self._url = f"{options.url.rstrip('/')}/crm/{options.version}/contacts"
        self._lead_id = next((name for name, ours in options.properties.items() if ours == "lead_id"), "")

    async def deliver(self, parcels: Sequence[Parcel]) -> list[Delivery]:
        """Upsert them in one call, or in several when it is refused."""
        return await some(parcels, self._row, lambda rows: halving(rows, self._upsert))

    async def erase(self, parcels: Sequence[Parcel]) -> list[Delivery]:
        """Look for each by its lead id, and have the contacts deleted as the GDPR asks."""
        return [await self._forget(parcel.routed.lead_id) for parcel in parcels]

    async def close(self) -> None:
        """Close the connections that were kept."""
        await self._http.close()

    def _row(self, parcel: Parcel) -> Row | Refused:
        address = fields.email(parcel.person)
        unique = address if self._options.id_property == "email" else parcel.routed.lead_id
        if not unique:
            return Refused(Refusal.REJECTED, "no e-mail address, which HubSpot is to know the contact by")
        told = fields.filled(self._options.properties, fields.flat(*parcel))
        return {
            "idProperty": self._options.id_property,
            "id": unique,
            "objectWriteTraceId": parcel.routed.decision_id,
            "properties": {name: str(value) for name, value in told.items()},
        }

    async def _upsert(self, rows: Sequence[Row]) -> list[Delivery] | Delivery:
        told = await self._ask("batch/upsert", {"inputs": rows}, Upserted)
        if not isinstance(told, Upserted):
            return told
        done = {one.object_write_trace_id: one for one in told.results}
        failed = {str(trace): one.category or "error" for one in told.errors or () for trace in one.traces()}
        return [_outcome(row["objectWriteTraceId"], done, failed) for row in rows]

    async def _forget(self, lead_id: str) -> Delivery:
        unique = self._options.id_property
        if unique != "email":
            return await self._delete({"objectId": lead_id, "idProperty": unique})
        if not self._lead_id:
            return Refused(Refusal.REJECTED, "no property of a contact is filled with lead_id, to find it by")
        wanted = {"propertyName": self._lead_id, "operator": "EQ", "value": lead_id}
        asked = {"filterGroups": [{"filters": [wanted]}], "properties": [], "limit": 100}
        told = await self._ask("search", asked, Found)
        if not isinstance(told, Found):
            return told
        done: Delivery = Delivered("not there")
        for contact in told.results:
            done = await self._delete({"objectId": contact.id})
            if not isinstance(done, Delivered):
                break
        return done

    async def _delete(self, which: dict[str, str]) -> Delivery:
        told = await self._ask("gdpr-delete", which, Done)
        return Delivered("deleted") if isinstance(told, Done) else told

    async def _ask(self, what: str, body: object, kind: type[T]) -> T | Delivery:
        """Return the answer, or what came of it otherwise; of who is to be deleted, not to be there is as good."""
        token = {"authorization": f"Bearer {self._options.token.get_secret_value()}"}
        answer = await self._http.json("POST", f"{self._url}/{what}", token, body)
        if isinstance(answer, Retry):
            return answer
        if kind is Done and answer.status == GONE:
            return Delivered("not there")
        if UNKNOWN.encode() in answer.body and not answer.status < 300:  # no lead's fault, and soon mended
            return Retry(None, f"{UNKNOWN}: make the properties that `properties` names at HubSpot, or leave them out")
        verdict = api_verdict(answer)
        if verdict is not None:
            return verdict
        return kind() if kind is Done else answer.read(kind) or unclear("HubSpot")


def open_sink(options: Options, guard: Guard) -> HubSpotSink:
    """Return the sink that the options describe."""
    return HubSpotSink(options, guard)


def _outcome(trace: str, done: dict[str | None, Result], failed: dict[str, str]) -> Delivery:
    if trace in done:
        return Delivered("created" if done[trace].new else "updated")
    if trace not in failed:
        return Retry(None, "HubSpot's answer does not speak of it", alone=True)
    if failed[trace] in AGAIN:
        return Retry(None, failed[trace], alone=True)
    return Refused(Refusal.REJECTED, failed[trace])
