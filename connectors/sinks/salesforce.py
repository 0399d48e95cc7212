"""Salesforce: records of one sObject, upserted by an external id in collections of up to 200, deleted one by one.

Source: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections_upsert.htm
"""

from collections.abc import Sequence
from typing import Annotated, Any, Self

from msgspec import Struct
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from connectors.egress.guard import Guard
from connectors.egress.http import Answer, Http, web_address
from connectors.egress.tokens import Tokens
from connectors.sinks import fields
from connectors.sinks.batches import halving
from connectors.sinks.delivery import Delivered, Delivery, Parcel, Refusal, Refused, Retry
from connectors.sinks.verdict import api_verdict, unclear

__all__ = ["Options", "SalesforceSink", "open_sink"]

Row = dict[str, Any]
BUSY = ("REQUEST_LIMIT_EXCEEDED", "SERVER_UNAVAILABLE", "API_DISABLED_FOR_ORG")  # everybody has to wait
MISSING = ("INVALID_FIELD", "INVALID_TYPE")  # no lead's fault, and soon mended
GONE = ("NOT_FOUND", "ENTITY_IS_DELETED")
LOCKED = ("UNABLE_TO_LOCK_ROW", "ROW_LOCK", "DUPLICATE_COMM_NICKNAME", "QUERY_TIMEOUT")  # this row has to
FIELDS = {
    "LastName": "last_name",
    "FirstName": "first_name",
    "Company": "organisation",
    "Email": "email",
    "Phone": "phone",
    "Title": "title",
    "Leadstream_Stage__c": "stage",
    "Leadstream_Score__c": "score_percent",
    "Leadstream_Reasons__c": "reasons",
    "Leadstream_Owner__c": "owner",
}
UNKNOWN = "(unknown)"  # Salesforce asks for a last name and a company


class Options(BaseModel):
    """What Salesforce is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    login_url: Annotated[str, AfterValidator(web_address)] = Field(
        description="your domain: https://mine.my.salesforce.com"
    )
    client_id: str = Field(min_length=1, description="the connected app's consumer key")
    client_secret: SecretStr = Field(min_length=1, description="the connected app's consumer secret")
    refresh_token: SecretStr = Field(SecretStr(""), description="a user's; without one: the client credentials flow")
    version: str = Field("v65.0", pattern=r"^v\d{2,3}\.0$", description="the API's version segment")
    sobject: str = Field("Lead", pattern=r"^\w+$", description="what leads are there")
    external_id: str = Field("Leadstream_Id__c", pattern=r"^\w+$", description="its external id field: the lead id")
    fields_: Annotated[dict[str, str], AfterValidator(fields.known)] = Field(
        FIELDS, alias="fields", description="Salesforce's field: our name for what it is filled with"
    )
    timeout_s: float = Field(20.0, gt=0, description="how long Salesforce may take to answer, seconds")

    @model_validator(mode="after")
    def _not_twice(self) -> Self:
        if self.external_id in self.fields_:
            raise ValueError(f"fields: leave {self.external_id} out; it is the external id")
        return self


class Trouble(Struct, rename="camel"):
    """What is wrong with a row (`statusCode`), or with a request as a whole (`errorCode`)."""

    status_code: str = ""
    error_code: str = ""


class Result(Struct):
    """What became of a row."""

    success: bool
    created: bool | None = None
    errors: list[Trouble] | None = None


class SalesforceSink:
    """Upserts records; a row's errors are told apart: locked, refused, or everybody's trouble."""

    largest, newest = 200, True

    def __init__(self, options: Options, guard: Guard) -> None:
        self._options, self._http = options, Http(guard, options.timeout_s)
        refresh = options.refresh_token.get_secret_value()
        grant = {"grant_type": "refresh_token", "refresh_token": refresh} if refresh else GRANT
        credentials = {"client_id": options.client_id, "client_secret": options.client_secret.get_secret_value()}
        url = f"{options.login_url.rstrip('/')}/services/oauth2/token"
        self._tokens = Tokens(self._http, url, grant | credentials)
        data, records = f"/services/data/{options.version}", f"sobjects/{options.sobject}/{options.external_id}"
        self._path, self._record = f"{data}/composite/{records}", f"{data}/{records}"

    async def deliver(self, parcels: Sequence[Parcel]) -> list[Delivery]:
        """Upsert them in one call."""
        return await halving([self._row(parcel) for parcel in parcels], self._upsert)

    async def erase(self, parcels: Sequence[Parcel]) -> list[Delivery]:
        """Delete each record."""
        return [await self._delete(parcel.routed.lead_id) for parcel in parcels]

    async def close(self) -> None:
        """Close the connections that were kept."""
        await self._http.close()

    def _row(self, parcel: Parcel) -> Row:
        told = {"last_name": UNKNOWN, "organisation": UNKNOWN} | fields.flat(*parcel)
        return {
            "attributes": {"type": self._options.sobject},
            self._options.external_id: parcel.routed.lead_id,
            **fields.filled(self._options.fields_, told),
        }

    async def _upsert(self, rows: Sequence[Row]) -> list[Delivery] | Delivery:
        body = {"allOrNone": False, "records": rows}
        answer = await self._tokens.send("PATCH", self._path, "Bearer", body)
        if isinstance(answer, Retry):
            return answer
        verdict = self._verdict(answer)
        if verdict is not None:
            return verdict
        results = answer.read(list[Result])
        if results is None or len(results) != len(rows):
            return unclear("Salesforce")
        return [_outcome(result) for result in results]

    async def _delete(self, lead_id: str) -> Delivery:
        answer = await self._tokens.send("DELETE", f"{self._record}/{lead_id}", "Bearer")
        if isinstance(answer, Retry):
            return answer
        if _code(answer) in GONE:
            return Delivered("not there")
        if _code(answer) in LOCKED:
            return Retry(None, _code(answer), alone=True)
        return self._verdict(answer) or Delivered("deleted")

    def _verdict(self, answer: Answer) -> Delivery | None:
        """Return what became of a request as a whole; None when it says more inside."""
        if _code(answer) in BUSY:
            return Retry(answer.after_s, _code(answer))
        if _code(answer) in MISSING:
            return Retry(None, f"{_code(answer)}: {MAKE}")
        return api_verdict(answer)


MAKE = "make the fields that `fields` and `external_id` name at Salesforce, or let us write them"
GRANT = {"grant_type": "client_credentials"}


def open_sink(options: Options, guard: Guard) -> SalesforceSink:
    """Return the sink that the options describe."""
    return SalesforceSink(options, guard)


def _code(answer: Answer) -> str:
    """Return the error code of a request that failed as a whole, "" of none."""
    told = answer.read(list[Trouble])
    return told[0].error_code if told else ""


def _outcome(result: Result) -> Delivery:
    if result.success:
        return Delivered("created" if result.created else "updated")
    codes = [error.status_code for error in result.errors or () if error.status_code]
    told = ", ".join(codes) or "no reason given"
    if any(code in MISSING for code in codes):
        return Retry(None, f"{told}: {MAKE}")
    if any(code in BUSY for code in codes):
        return Retry(None, told)
    if any(code in LOCKED for code in codes):
        return Retry(None, told, alone=True)
    return Refused(Refusal.REJECTED, told)
