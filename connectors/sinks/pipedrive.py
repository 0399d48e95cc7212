"""Pipedrive: a person, found by e-mail or made, and that person's lead, updated or made; both deleted when erased.

Pipedrive has no upsert and no idempotency key: what is there is looked for first, so a repeat changes what it finds.
Source: https://developers.pipedrive.com/docs/api/v1 (Leads, Persons).
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Generic, TypeVar
from urllib.parse import urlencode

from msgspec import Struct
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from connectors.egress.guard import Guard
from connectors.egress.http import Http, web_address
from connectors.sinks import fields
from connectors.sinks.delivery import Delivered, Delivery, Parcel, Refusal, Refused, Retry
from connectors.sinks.verdict import api_verdict, unclear

__all__ = ["Options", "PipedriveSink", "open_sink"]

T = TypeVar("T")
MARK = "Leadstream"
GONE, NOT_THERE = (404, 410), Delivered("not there")


class Options(BaseModel):
    """What Pipedrive is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, AfterValidator(web_address)] = Field(
        description="your company's domain: https://mine.pipedrive.com"
    )
    token: SecretStr = Field(min_length=1, description="API token of a user who may write leads and persons")
    fields_: Annotated[dict[str, str], AfterValidator(fields.known)] = Field(
        {}, alias="fields", description="custom field of a lead (its 40-digit key): our name for what it is filled with"
    )
    timeout_s: float = Field(20.0, gt=0, description="how long Pipedrive may take to answer each request, seconds")


class Record(Struct):
    """A person or a lead, as far as it is looked at."""

    id: int | str
    title: str | None = None
    person: "Record | None" = None

    def of(self, lead_id: str) -> bool:
        """Tell whether it is our lead's."""
        return (self.title or "").endswith(mark(lead_id))


class Item(Struct):
    """One thing that was found."""

    item: Record


class Items(Struct):
    """All that was found."""

    items: list[Item]


class Answered(Struct, Generic[T]):
    """Any answer; without `data` where nothing was found."""

    success: bool
    data: T | None = None


class PipedriveSink:
    """One lead for each of ours, told by its title."""

    largest, newest = 1, True

    def __init__(self, options: Options, guard: Guard) -> None:
        self._options, self._http = options, Http(guard, options.timeout_s)
        self._base = options.url.rstrip("/")

    async def deliver(self, parcels: Sequence[Parcel]) -> list[Delivery]:
        """Look for each and update it, or make it."""
        return [await self._one(parcel) for parcel in parcels]

    async def erase(self, parcels: Sequence[Parcel]) -> list[Delivery]:
        """Look for each lead by its title; delete it, and the person that it is of."""
        return [await self._forget(parcel.routed.lead_id) for parcel in parcels]

    async def close(self) -> None:
        """Close the connections that were kept."""
        await self._http.close()

    async def _one(self, parcel: Parcel) -> Delivery:
        address = fields.email(parcel.person)
        if not address:
            return Refused(Refusal.REJECTED, "no e-mail address, which Pipedrive is to know the person by")
        known = fields.flat(*parcel)
        name = " ".join(str(known[part]) for part in ("first_name", "last_name") if part in known) or address
        query = urlencode({"term": address, "fields": "email", "exact_match": "true"})
        found = await self._ask("GET", f"/api/v2/persons/search?{query}", Items)
        if not isinstance(found, Items):
            return found
        person = next((one.item.id for one in found.items), None)
        if person is None:
            emails = [{"value": address, "primary": True}]
            made = await self._ask("POST", "/api/v2/persons", Record, {"name": name, "emails": emails})
            if not isinstance(made, Record):
                return made
            person = made.id
        return await self._lead(parcel, person, f"{name} {mark(parcel.routed.lead_id)}")

    async def _lead(self, parcel: Parcel, person: int | str, title: str) -> Delivery:
        query = urlencode({"person_id": person, "limit": 500})
        found = await self._ask("GET", f"/api/v1/leads?{query}", list[Record], none=[])
        if not isinstance(found, list):
            return found
        lead = next((one.id for one in found if one.of(parcel.routed.lead_id)), None)
        told = {"title": title} | fields.filled(self._options.fields_, fields.flat(*parcel))
        done = (
            await self._ask("POST", "/api/v1/leads", Record, told | {"person_id": person})
            if lead is None
            else await self._ask("PATCH", f"/api/v1/leads/{lead}", Record, told)
        )
        return Delivered("created" if lead is None else "updated") if isinstance(done, Record) else done

    async def _forget(self, lead_id: str) -> Delivery:
        query = urlencode({"term": lead_id, "fields": "title"})
        found = await self._ask("GET", f"/api/v2/leads/search?{query}", Items)
        if not isinstance(found, Items):
            return found
        leads = [one.item for one in found.items if one.item.of(lead_id)]
        persons = {one.person.id for one in leads if one.person}
        gone = [f"/api/v2/persons/{id_}" for id_ in persons] + [f"/api/v1/leads/{one.id}" for one in leads]
        for path in gone:  # the lead last: it is what a next attempt finds the rest by
            done = await self._ask("DELETE", path, Record)
            if not isinstance(done, Record) and done != NOT_THERE:
                return done
        return Delivered("deleted" if gone else "not there")

    async def _ask(
        self, method: str, path: str, kind: type[T], body: Mapping[str, object] | None = None, none: T | None = None
    ) -> T | Delivery:
        """Return the answer's `data`, or what came of it otherwise; `none` stands for no data."""
        headers = {"x-api-token": self._options.token.get_secret_value()}
        answer = await self._http.json(method, f"{self._base}{path}", headers, body)
        if isinstance(answer, Retry):
            return answer
        if method == "DELETE" and answer.status in GONE:
            return NOT_THERE
        verdict = api_verdict(answer)
        if verdict is not None:
            return verdict
        told: Answered[T] | None = answer.read(Answered[kind])  # type: ignore[valid-type]
        if told is None or not told.success:
            return unclear("Pipedrive", alone=True)
        found: T | None = none if told.data is None else told.data
        return unclear("Pipedrive", alone=True) if found is None else found


def open_sink(options: Options, guard: Guard) -> PipedriveSink:
    """Return the sink that the options describe."""
    return PipedriveSink(options, guard)


def mark(lead_id: str) -> str:
    """Return how the title of a lead's record ends."""
    return f"({MARK} {lead_id})"
