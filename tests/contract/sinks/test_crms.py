"""What is each CRM's own: the row that spoils a batch, rows that are locked, tokens, answers that are lost."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from connectors.sinks.delivery import Delivered, Delivery, Parcel, Refusal, Refused, Retry, Sink, Skipped
from schemas.records import Stage
from tests.builders import routed
from tests.contract.sinks.rigs import CRMS, erasure, facing
from tests.crms import LOST, Ads, Fake, HubSpot, Salesforce, Zoho


def parcel(number: int, email: str = "") -> Parcel:
    return Parcel(routed(f"e-{number}"), {"email": email or f"p{number}@example.com", "name": "Jane van Doe"})


def on(name: str, story: Callable[[Sink, Any], Awaitable[None]], **changed: object) -> None:
    """Play a story with a CRM's sink and the CRM."""

    async def play() -> None:
        async with facing(name, **changed) as (sink, fake):
            await story(sink, fake)

    asyncio.run(play())


async def insist(sink: Sink, parcels: list[Parcel]) -> int:
    """Deliver until nothing is left to be tried again; returns how many calls it took."""
    calls, left = 0, list(parcels)
    while left:
        calls += 1
        assert calls < 50
        now, rest = left[: sink.largest], left[sink.largest :]
        outcomes = await sink.deliver(now)
        left = [one for one, told in zip(now, outcomes, strict=True) if isinstance(told, Retry)] + rest
    return calls


@pytest.mark.parametrize("name", CRMS)
def test_whatever_goes_wrong_nothing_is_lost_and_each_decision_has_one_effect(name: str) -> None:
    async def story(sink: Sink, fake: Fake) -> None:
        fake.troubles.extend([(429, {"retry-after": "1"}), (503, {}), (LOST, {}), (409, {}), (500, {}), (LOST, {})])
        await insist(sink, [parcel(number) for number in range(12)])
        assert len(fake.records) == 12
        assert not fake.troubles

    on(name, story)


@pytest.mark.parametrize("currency", ["EUR", ""])
@pytest.mark.parametrize("name", [name for name in CRMS if name.endswith("_conversions")])
def test_what_a_deal_is_worth_is_told_in_the_currency_that_was_named(name: str, currency: str) -> None:
    won = routed("e-1", stage=Stage.CUSTOMER, outcome="won", value=18_000.0)

    async def story(sink: Sink, fake: Fake) -> None:
        assert await sink.deliver([Parcel(won, {"email": "jane@example.com"})]) == [Delivered("taken")]
        [told] = [json.dumps(record) for record in fake.records.values()]
        assert ("18000.0" in told, '"EUR"' in told) == (bool(currency), bool(currency))

    on(name, story, currency=currency)


def test_one_contact_that_hubspot_refuses_costs_the_other_ninety_nine_nothing() -> None:
    async def story(sink: Sink, fake: Fake) -> None:
        parcels = [parcel(number, "not an address" if number == 37 else "") for number in range(100)]
        outcomes = await sink.deliver(parcels)
        assert outcomes[37] == Refused(Refusal.REJECTED, "HTTP 400")
        assert sum(isinstance(outcome, Delivered) for outcome in outcomes) == len(fake.records) == 99

    on("hubspot", story)


@pytest.mark.parametrize("name", ["meta_conversions", "tiktok_conversions"])
def test_one_event_that_a_platform_refuses_costs_the_others_of_its_batch_nothing(name: str) -> None:
    async def story(sink: Sink, fake: Ads) -> None:
        fake.spoilt = {"d-7"}
        parcels = [Parcel(routed(f"e-{n}", decision_id=f"d-{n}"), {"email": f"p{n}@example.com"}) for n in range(20)]
        outcomes = await sink.deliver(parcels)
        assert [number for number, told in enumerate(outcomes) if told != Delivered("taken")] == [7]
        assert isinstance(outcomes[7], Refused)
        assert len(fake.records) == 19

    on(name, story)


def test_a_lead_without_an_address_is_told_apart_before_anything_is_sent() -> None:
    async def story(sink: Sink, fake: Fake) -> None:
        outcomes = await sink.deliver([Parcel(routed("p-1"), {"phone": "+4915112345678"}), parcel(1)])
        assert [type(outcome) for outcome in outcomes] == [Refused, Delivered]
        assert list(fake.records) == ["p1@example.com"]

    on("hubspot", story)


@pytest.mark.parametrize(
    ("name", "field"),
    [("hubspot", "leadstream_stage"), ("salesforce", "Leadstream_Stage__c"), ("zoho", "Leadstream_Id")],
)
def test_a_field_that_nobody_has_made_buries_no_lead(name: str, field: str) -> None:
    async def story(sink: Sink, fake: Fake) -> None:
        fake.lacks.add(field)
        outcomes = await sink.deliver([parcel(number) for number in range(3)])
        assert {type(outcome) for outcome in outcomes} == {Retry}
        assert all("make the" in outcome.why for outcome in outcomes if isinstance(outcome, Retry))
        fake.lacks.clear()
        assert {type(outcome) for outcome in await sink.deliver([parcel(number) for number in range(3)])} == {Delivered}

    on(name, story)


@pytest.mark.parametrize("version", ["v3/objects", "objects/2026-03"])
def test_hubspots_version_segment_is_configuration(version: str) -> None:
    async def story(sink: Sink, fake: Fake) -> None:
        assert isinstance((await sink.deliver([parcel(1)]))[0], Delivered)
        assert vars(sink)["_url"].endswith(f"/crm/{version}/contacts")
        assert fake.records["p1@example.com"]["lastname"] == "Doe"

    on("hubspot", story, version=version)


def test_salesforces_rows_are_told_apart() -> None:
    async def story(sink: Sink, fake: Salesforce) -> None:
        fake.locked, fake.converted = {"e-1"}, {"e-2"}
        expected: list[Delivery] = [
            Delivered("created"),
            Retry(None, "UNABLE_TO_LOCK_ROW", alone=True),
            Skipped("it is no lead any more: it was converted"),
        ]
        assert list(await sink.deliver([parcel(number) for number in range(3)])) == expected
        assert list(await sink.deliver([parcel(0), parcel(1)])) == [Delivered("updated"), Delivered("created")]

    on("salesforce", story)


def test_what_is_decided_of_a_converted_lead_is_told_to_its_contact() -> None:
    async def story(sink: Sink, fake: Salesforce) -> None:
        fake.converted = {"e-1", "e-2"}
        fake.contacts["003e-1"] = {"LastName": "as sales has it"}
        expected: list[Delivery] = [
            Delivered("created"),
            Delivered("contact updated"),
            Skipped("it is no lead any more: it was converted"),  # to nothing that is still there
        ]
        assert list(await sink.deliver([parcel(number) for number in range(3)])) == expected
        assert fake.contacts["003e-1"] == {"LastName": "as sales has it", "Stage__c": "mql", "Score__c": 90}
        assert list(fake.records) == ["e-0"]

    on("salesforce", story, contact_fields={"Stage__c": "stage", "Score__c": "score_percent"})


def test_a_contact_that_is_left_when_its_lead_is_erased_is_for_a_person_to_see_to() -> None:
    async def story(sink: Sink, fake: Salesforce) -> None:
        await sink.deliver([parcel(1)])
        fake.contacts["003e-1"] = {"LastName": "as sales has it"}
        fake.troubles.extend([(503, {})])
        assert await sink.erase([erasure()]) == [Retry(None, "HTTP 503")]
        assert list(fake.records) == ["e-1"]
        (outcome,) = await sink.erase([erasure()])
        assert isinstance(outcome, Refused)
        assert "contact" in outcome.detail
        assert not fake.records
        assert await sink.erase([erasure()]) == [Delivered("not there")]

    on("salesforce", story)


def test_a_contact_that_cannot_be_told_now_is_told_later() -> None:
    async def story(sink: Sink, fake: Salesforce) -> None:
        fake.converted, fake.contacts, fake.lacks = {"e-1"}, {"003e-1": {}}, {"Stage__c"}
        (outcome,) = await sink.deliver([parcel(1)])
        assert isinstance(outcome, Retry)
        assert "contact_fields" in outcome.why
        fake.lacks, fake.locked = set(), {"003e-1"}
        assert await sink.deliver([parcel(1)]) == [Retry(None, "UNABLE_TO_LOCK_ROW", alone=True)]
        fake.troubles.extend([(0, {}), (503, {}), (0, {}), (0, {}), (503, {})])
        whys = [(await sink.deliver([parcel(1)]))[0] for _ in range(2)]
        assert whys == [Retry(None, "HTTP 503")] * 2
        assert await sink.deliver([parcel(1)]) == [Delivered("contact updated")]

    on("salesforce", story, contact_fields={"Stage__c": "stage"})


@pytest.mark.parametrize("name", ["salesforce", "zoho"])
def test_a_token_that_is_refused_is_fetched_anew_once(name: str) -> None:
    async def story(sink: Sink, fake: Fake) -> None:
        fake.troubles.append((401, {}))
        assert isinstance((await sink.deliver([parcel(1)]))[0], Delivered)
        assert fake.tokens == 2

    on(name, story)


@pytest.mark.parametrize("grant", ["client_credentials", "refresh_token"])
def test_salesforce_grants_a_token_for_the_clients_credentials_or_a_users_refresh_token(grant: str) -> None:
    given = {"refresh_token": "refresh"} if grant == "refresh_token" else {}

    async def story(sink: Sink, fake: Fake) -> None:
        assert await sink.deliver([parcel(1)]) == [Delivered("created")]
        assert fake.grants == [grant]

    on("salesforce", story, **given)


WITH_TOKENS = ("salesforce", "zoho", "google_conversions")


@pytest.mark.parametrize("name", WITH_TOKENS)
def test_a_refresh_token_that_is_good_no_more_is_no_leads_fault(name: str) -> None:
    async def story(sink: Sink, fake: Fake) -> None:
        assert await sink.deliver([parcel(1)]) == [Retry(None, "HTTP 400 for a token")]
        assert fake.records == {}

    on(name, story, refresh_token="revoked")


@pytest.mark.parametrize("name", WITH_TOKENS)
def test_who_grants_no_token_for_now_is_asked_again_when_it_says(name: str) -> None:
    async def story(sink: Sink, fake: Fake) -> None:
        fake.token_troubles.extend([(503, {"retry-after": "9"}), (429, {})])
        outcomes = [(await sink.deliver([parcel(1)]))[0] for _ in range(3)]
        assert outcomes[:2] == [Retry(9.0, "HTTP 503 for a token"), Retry(None, "HTTP 429 for a token")]
        assert isinstance(outcomes[2], Delivered)

    on(name, story)


@pytest.mark.parametrize("name", ["salesforce", "zoho"])
def test_a_client_whose_secret_is_wrong_is_tried_again_and_no_lead_is_refused(name: str) -> None:
    async def story(sink: Sink, fake: Fake) -> None:
        assert await sink.deliver([parcel(1)]) == [Retry(None, "HTTP 400 for a token")]
        assert fake.records == {}

    on(name, story, client_secret="wrong")


def test_zoho_tells_of_each_row() -> None:
    async def story(sink: Sink, _: Fake) -> None:
        outcomes = await sink.deliver([parcel(1), parcel(2, f"{'x' * 100}@example.com")])
        assert outcomes == [Delivered("created"), Refused(Refusal.REJECTED, "INVALID_DATA")]

    on("zoho", story)


def test_the_official_salesforce_client_takes_the_fake_for_salesforce() -> None:
    simple = pytest.importorskip("simple_salesforce", reason="pip install simple-salesforce checks the fake")

    async def story(_: Sink, fake: Fake) -> None:
        def work() -> list[dict[str, Any]]:
            client = simple.Salesforce(instance_url=fake.url, session_id="token-1", version="65.0")
            client.base_url = f"{fake.url}/services/data/v65.0/"  # it insists on https
            rows = [{"attributes": {"type": "Lead"}, "Leadstream_Id__c": "e-9", "LastName": "Doe", "Company": "Toys"}]
            body = {"allOrNone": False, "records": rows}
            found: list[dict[str, Any]] = client.restful(
                "composite/sobjects/Lead/Leadstream_Id__c", method="PATCH", json=body
            )
            return found

        (result,) = await asyncio.to_thread(work)
        assert (result["success"], result["created"]) == (True, True)
        assert fake.records["e-9"]["Company"] == "Toys"

    on("salesforce", story)


def test_the_official_hubspot_client_takes_the_fake_for_hubspot() -> None:
    hubspot = pytest.importorskip("hubspot.crm.contacts", reason="pip install hubspot-api-client checks the fake")

    async def story(_: Sink, fake: Fake) -> None:
        def work() -> Any:
            configuration = hubspot.Configuration(host=fake.url)
            configuration.access_token = "token-1"
            api = hubspot.BatchApi(hubspot.ApiClient(configuration))
            one = {"id": "jane@example.com", "idProperty": "email", "properties": {"email": "jane@example.com"}}
            return api.upsert({"inputs": [one]})

        found = await asyncio.to_thread(work)
        assert [(one.new, one.properties["email"]) for one in found.results] == [(True, "jane@example.com")]

    on("hubspot", story)


CRMS_THAT_FORGET = ("hubspot", "salesforce", "pipedrive", "zoho")


@pytest.mark.parametrize("name", CRMS_THAT_FORGET)
def test_an_answer_that_is_lost_leaves_nobody_behind_and_others_stay(name: str) -> None:
    async def story(sink: Sink, fake: Fake) -> None:
        await sink.deliver([parcel(1)])
        await sink.deliver([parcel(2)])
        fake.troubles.extend([(LOST, {}), (0, {}), (LOST, {}), (503, {})])
        outcomes = [(await sink.erase([erasure()]))[0] for _ in range(6)]
        assert [type(outcome) for outcome in outcomes[-2:]] == [Delivered, Delivered]
        assert not fake.troubles
        assert len(fake.records) == 1
        held = str([fake.records, getattr(fake, "persons", {}), getattr(fake, "binned", [])])
        assert "p1@example.com" not in held
        assert "p2@example.com" in held

    on(name, story)


def test_what_zoho_keeps_in_its_bin_is_empty() -> None:
    async def story(sink: Sink, fake: Zoho) -> None:
        await sink.deliver([parcel(1)])
        await sink.erase([erasure()])
        (binned,) = fake.binned
        assert {value for field, value in binned.items() if field not in ("Last_Name", "Leadstream_Id")} == {None}

    on("zoho", story)


def test_a_contact_that_hubspot_knows_by_a_property_of_its_own_is_deleted_by_it() -> None:
    async def story(sink: Sink, fake: HubSpot) -> None:
        fake.records["e-1"] = {}
        assert await sink.erase([erasure(), erasure()]) == [Delivered("deleted"), Delivered("not there")]

    on("hubspot", story, id_property="lead_id")


def test_hubspot_says_when_it_cannot_tell_whom_to_erase() -> None:
    async def story(sink: Sink, fake: HubSpot) -> None:
        (outcome,) = await sink.erase([erasure()])
        assert isinstance(outcome, Refused)
        assert "lead_id" in outcome.detail
        assert not fake.writes

    on("hubspot", story, properties={"email": "email"})


def test_a_record_that_salesforce_has_locked_is_deleted_later() -> None:
    async def story(sink: Sink, fake: Salesforce) -> None:
        await sink.deliver([parcel(1)])
        fake.locked.add("e-1")
        assert await sink.erase([erasure()]) == [Retry(None, "UNABLE_TO_LOCK_ROW", alone=True)]
        assert await sink.erase([erasure()]) == [Delivered("deleted")]

    on("salesforce", story)
