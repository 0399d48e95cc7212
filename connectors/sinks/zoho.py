"""Zoho CRM: leads, upserted in batches of up to 100, emptied and deleted when erased.

Sources: https://www.zoho.com/crm/developer/docs/api/v8/upsert-records.html and delete-records.html beside it.
"""

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from msgspec import Struct
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from connectors.egress.guard import Guard
from connectors.egress.http import Http, web_address
from connectors.egress.tokens import Tokens
from connectors.sinks import fields
from connectors.sinks.batches import OUTCOMES, halving
from connectors.sinks.delivery import Delivered, Delivery, Parcel, Refusal, Refused, Retry
from connectors.sinks.verdict import api_verdict, unclear

__all__ = ["Options", "ZohoSink", "open_sink"]

Row = dict[str, Any]
BUSY = ("RECORD_IN_BLUEPRINT", "RECORD_LOCKED", "INTERNAL_ERROR", "TOO_MANY_REQUESTS")
BAD, CHECKED = 400, "duplicate_check_fields"
FIELDS = {
    "Last_Name": "last_name",
    "First_Name": "first_name",
    "Company": "organisation",
    "Email": "email",
    "Phone": "phone",
    "Leadstream_Stage": "stage",
    "Leadstream_Score": "score_percent",
    "Leadstream_Reasons": "reasons",
}
UNKNOWN = "(unknown)"  # Zoho asks for a last name


class Options(BaseModel):
    """What Zoho is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    accounts_url: Annotated[str, AfterValidator(web_address)] = Field(
        "https://accounts.zoho.com", description="where tokens are had: of your data centre, https://accounts.zoho.eu"
    )
    client_id: str = Field(min_length=1, description="the self client's id")
    client_secret: SecretStr = Field(min_length=1, description="the self client's secret")
    refresh_token: SecretStr = Field(min_length=1, description="one with the scope ZohoCRM.modules.leads.ALL")
    version: str = Field("v8", pattern=r"^v\d+(\.\d)?$", description="the API's version segment")
    unique: str = Field("Leadstream_Id", pattern=r"^\w+$", description="the unique field of a lead: the lead id")
    fields_: Annotated[dict[str, str], AfterValidator(fields.known)] = Field(
        FIELDS, alias="fields", description="Zoho's field: our name for what it is filled with"
    )
    timeout_s: float = Field(20.0, gt=0, description="how long Zoho may take to answer, seconds")


class Result(Struct):
    """What became of a row; `details` has its id."""

    code: str
    action: str | None = None
    details: dict[str, object] | None = None


class Answered(Struct):
    """What became of each row."""

    data: list[Result]


class ZohoSink:
    """Upserts leads by a unique field of their own."""

    largest, newest = 100, True

    def __init__(self, options: Options, guard: Guard) -> None:
        self._options, self._http = options, Http(guard, options.timeout_s)
        grant = {
            "grant_type": "refresh_token",
            "refresh_token": options.refresh_token.get_secret_value(),
            "client_id": options.client_id,
            "client_secret": options.client_secret.get_secret_value(),
        }
        self._tokens = Tokens(self._http, f"{options.accounts_url.rstrip('/')}/oauth/v2/token", grant)

    async def deliver(self, parcels: Sequence[Parcel]) -> list[Delivery]:
        """Upsert them in one call, or in several when it is refused."""
        return await halving([self._row(parcel) for parcel in parcels], self._upsert)

    async def erase(self, parcels: Sequence[Parcel]) -> list[Delivery]:
        """Empty each record, so that nothing of it lies in the recycle bin, and delete it."""
        return [await self._forget(parcel.routed.lead_id) for parcel in parcels]

    async def close(self) -> None:
        """Close the connections that were kept."""
        await self._http.close()

    def _row(self, parcel: Parcel) -> Row:
        told = {"last_name": UNKNOWN} | fields.flat(*parcel)
        return {self._options.unique: parcel.routed.lead_id, **fields.filled(self._options.fields_, told)}

    async def _upsert(self, rows: Sequence[Row]) -> list[Delivery] | Delivery:
        results = await self._write(rows, ["workflow"])
        return results if isinstance(results, OUTCOMES) else [_outcome(result) for result in results]

    async def _forget(self, lead_id: str) -> Delivery:
        """Write the record empty, which also tells its id and makes one where there is none; then delete it."""
        empty = dict.fromkeys(self._options.fields_) | {"Last_Name": UNKNOWN, self._options.unique: lead_id}
        results = await self._write([empty], [])
        if isinstance(results, OUTCOMES):
            return results
        made = _outcome(results[0])
        if not isinstance(made, Delivered):
            return made
        if not (id_ := (results[0].details or {}).get("id")):
            return unclear("Zoho", alone=True)
        gone = await self._send("DELETE", f"Leads?{urlencode({'ids': id_, 'wf_trigger': 'false'})}", 1)
        if isinstance(gone, OUTCOMES):
            return gone
        done = _outcome(gone[0])
        return Delivered("deleted") if isinstance(done, Delivered) else done

    async def _write(self, rows: Sequence[Row], trigger: list[str]) -> list[Result] | Delivery:
        body = {"data": rows, CHECKED: [self._options.unique], "trigger": trigger}
        return await self._send("POST", "Leads/upsert", len(rows), body)

    async def _send(self, method: str, what: str, count: int, body: object = None) -> list[Result] | Delivery:
        """Return a result for each of so many rows, or what came of the request as a whole."""
        path = f"/crm/{self._options.version}/{what}"
        answer = await self._tokens.send(method, path, "Zoho-oauthtoken", body)
        if isinstance(answer, Retry):
            return answer
        told = answer.read(Answered)
        if told is not None and len(told.data) == count:  # row by row, whatever the status is
            return told.data
        if answer.status == BAD and CHECKED.encode() in answer.body:  # no lead's fault, and soon mended
            return Retry(
                None, f"make the unique field {self._options.unique} of leads at Zoho, or name yours in `unique`"
            )
        verdict = api_verdict(answer)
        return unclear("Zoho") if verdict is None else verdict


def open_sink(options: Options, guard: Guard) -> ZohoSink:
    """Return the sink that the options describe."""
    return ZohoSink(options, guard)


def _outcome(result: Result) -> Delivery:
    if result.code == "SUCCESS":
        return Delivered("updated" if result.action == "update" else "created")
    if not result.code:
        return unclear("Zoho", alone=True)
    return Retry(None, result.code, alone=True) if result.code in BUSY else Refused(Refusal.REJECTED, result.code)
