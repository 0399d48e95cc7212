"""Salesforce: records of one sObject, upserted by an external id in collections of up to 200, deleted one by one.

A lead that sales has converted takes no more changes, and Salesforce does not say in its refusal what became of it: so
it is asked, and the contact is told instead, of what `contact_fields` names, or nobody.

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
from connectors.sinks.delivery import Delivered, Delivery, Parcel, Refusal, Refused, Retry, Skipped
from connectors.sinks.verdict import api_verdict, unclear

__all__ = ["Options", "SalesforceSink", "open_sink"]

Row = dict[str, Any]
BUSY = ("REQUEST_LIMIT_EXCEEDED", "SERVER_UNAVAILABLE", "API_DISABLED_FOR_ORG")  # everybody has to wait
MISSING = ("INVALID_FIELD", "INVALID_TYPE")  # no lead's fault, and soon mended
GONE = ("NOT_FOUND", "ENTITY_IS_DELETED")
LOCKED = ("UNABLE_TO_LOCK_ROW", "ROW_LOCK", "DUPLICATE_COMM_NICKNAME", "QUERY_TIMEOUT")  # this row has to
CONVERTED = "CANNOT_UPDATE_CONVERTED_LEAD"
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
    contact_fields: Annotated[dict[str, str], AfterValidator(fields.known)] = Field(
        {},
        description="fields of the contact that a lead was converted to: our name for what each is filled with; none = "
        "contacts are left alone",
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


class Lead(Struct, rename="pascal"):
    """What became of a lead: the contact that it was converted to, if any."""

    converted_contact_id: str | None = None


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
        self._contacts = f"{data}/sobjects/Contact"

    async def deliver(self, parcels: Sequence[Parcel]) -> list[Delivery]:
        """Upsert them in one call; leads that were converted are told to their contacts, one by one."""
        outcomes = await halving([self._row(parcel) for parcel in parcels], self._upsert)
        if self._options.contact_fields:
            for number, parcel in enumerate(parcels):
                if outcomes[number] == NO_LEAD:
                    outcomes[number] = await self._tell_contact(parcel)
        return outcomes

    async def erase(self, parcels: Sequence[Parcel]) -> list[Delivery]:
        """Delete each record. A contact that a lead was converted to is a customer: that is for a person to decide."""
        return [await self._forget(parcel.routed.lead_id) for parcel in parcels]

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

    async def _forget(self, lead_id: str) -> Delivery:
        """Delete a record; first it is asked about a contact, since afterwards nobody knows."""
        contact = await self._contact(lead_id) if self._options.sobject == "Lead" else NO_LEAD
        if isinstance(contact, Retry | Refused):
            return contact
        answer = await self._tokens.send("DELETE", f"{self._record}/{lead_id}", "Bearer")
        done = Refused(Refusal.REJECTED, LEFT) if isinstance(contact, str) else Delivered("deleted")
        return self._of_one(answer, done, gone=Delivered("not there"))

    async def _tell_contact(self, parcel: Parcel) -> Delivery:
        """Change the contact that a lead was converted to."""
        contact = await self._contact(parcel.routed.lead_id)
        if not isinstance(contact, str):
            return contact
        row = fields.filled(self._options.contact_fields, fields.flat(*parcel))
        answer = await self._tokens.send("PATCH", f"{self._contacts}/{contact}", "Bearer", row)
        return self._of_one(answer, Delivered("contact updated"), gone=NO_LEAD)

    async def _contact(self, lead_id: str) -> str | Delivery:
        """Return the id of the contact that a lead was converted to, or what else became of asking."""
        answer = await self._tokens.send("GET", f"{self._record}/{lead_id}?fields=ConvertedContactId", "Bearer")
        told = answer.read(Lead) if isinstance(answer, Answer) else None
        otherwise = NO_LEAD if told else unclear("Salesforce", alone=True)
        return (told and told.converted_contact_id) or self._of_one(answer, otherwise, gone=NO_LEAD)

    def _of_one(self, answer: Answer | Retry, done: Delivery, *, gone: Delivery) -> Delivery:
        """Return what became of a request about one record."""
        if isinstance(answer, Retry):
            return answer
        code = _code(answer)
        if code in LOCKED:
            return Retry(None, code, alone=True)
        return gone if code in GONE else self._verdict(answer) or done

    def _verdict(self, answer: Answer) -> Delivery | None:
        """Return what became of a request as a whole; None when it says more inside."""
        if _code(answer) in BUSY:
            return Retry(answer.after_s, _code(answer))
        if _code(answer) in MISSING:
            return Retry(None, f"{_code(answer)}: {MAKE}")
        return api_verdict(answer)


MAKE = "make the fields that `fields`, `contact_fields` and `external_id` name at Salesforce, or let us write them"
LEFT = "the lead is deleted; the contact that it was converted to is not"
NO_LEAD = Skipped("it is no lead any more: it was converted")
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
    if CONVERTED in codes:
        return NO_LEAD
    if any(code in MISSING for code in codes):
        return Retry(None, f"{told}: {MAKE}")
    if any(code in BUSY for code in codes):
        return Retry(None, told)
    if any(code in LOCKED for code in codes):
        return Retry(None, told, alone=True)
    return Refused(Refusal.REJECTED, told)
