"""Answers that no CRM documents: a proxy's page, half a body, another version's words. They decide nothing."""

import asyncio
import json
from collections.abc import Callable, Iterator
from itertools import count
from random import Random
from typing import Any

import pytest

from connectors.sinks.batches import OUTCOMES
from connectors.sinks.delivery import Delivered, Delivery, Parcel, Refusal, Refused, Retry
from tests.builders import routed
from tests.contract.sinks.rigs import CRMS, erasure, facing
from tests.crms import Fake

Bend = Callable[[bytes], bytes]
WHOLE: dict[str, Bend] = {
    "nothing": lambda _: b"",
    "null": lambda _: b"null",
    "an object": lambda _: b"{}",
    "a list": lambda _: b"[]",
    "a list of nothing": lambda _: b"[null]",
    "text": lambda _: b'"ok"',
    "a page": lambda _: b"<html>Please sign in</html>",
    "half of it": lambda body: body[: len(body) // 2],
    "a tower": lambda _: b"[" * 100_000,
    "no UTF-8": lambda _: b'{"\xff":1}',
}
IN_WORDS = (  # they say in the body what came of each row; others may say it by the status alone
    *("hubspot", "salesforce", "pipedrive", "zoho", "google_conversions", "meta_conversions", "linkedin_conversions"),
    *("tiktok_conversions", "microsoft_conversions"),
)
ODD: tuple[object, ...] = (None, True, False, -1, 0, 7, 404, 999, "", "x", "SUCCESS", 0.5, [], {}, [None], {"a": 1})


def parcels(number: int = 3) -> list[Parcel]:
    return [
        Parcel(routed(f"e-{n}", decision_id=f"d-{n}"), {"email": f"p{n}@example.com", "last_name": "Doe"})
        for n in range(number)
    ]


def delivered(name: str, bend: Bend, *, erase: bool = False) -> tuple[list[Delivery], Fake]:
    """What comes of some leads whose CRM does as it is told, and whose answers arrive bent."""

    async def play() -> tuple[list[Delivery], Fake]:
        async with facing(name) as (sink, fake):
            if erase:
                await sink.deliver(parcels(2))
            fake.odd = bend
            given = [erasure()] if erase else parcels()[: sink.largest]
            return list(await (sink.erase if erase else sink.deliver)(given)), fake

    return asyncio.run(play())


@pytest.mark.parametrize("odd", WHOLE)
@pytest.mark.parametrize("name", IN_WORDS)
def test_what_is_answered_and_not_understood_is_sent_again(name: str, odd: str) -> None:
    outcomes, _ = delivered(name, WHOLE[odd])
    assert {type(outcome) for outcome in outcomes} == {Retry}


@pytest.mark.parametrize("odd", WHOLE)
@pytest.mark.parametrize("name", ["hubspot", "pipedrive", "zoho"])  # Salesforce says by the status that it is done
def test_nobody_counts_as_erased_by_an_answer_that_is_not_understood(name: str, odd: str) -> None:
    outcomes, _ = delivered(name, WHOLE[odd], erase=True)
    assert {type(outcome) for outcome in outcomes} == {Retry}


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a JSON value, as container and key."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from places(inner)


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("name", CRMS)
def test_whatever_one_value_of_an_answer_is_nobody_counts_as_delivered_who_is_not_there(name: str, seed: int) -> None:
    random, turn = Random(seed), count()
    bent = random.randrange(3)

    def bend(body: bytes) -> bytes:
        if next(turn) != bent or not body:
            return body
        answer = json.loads(body)
        container, key = random.choice(list(places(answer)))
        container[key] = random.choice(ODD)
        return json.dumps(answer).encode()

    outcomes, fake = delivered(name, bend)  # raises nothing
    assert all(isinstance(outcome, OUTCOMES) for outcome in outcomes)
    assert sum(isinstance(outcome, Delivered) for outcome in outcomes) <= len(fake.records)


GOOGLE = {
    "ORDER_ID_ALREADY_IN_USE": Delivered("taken before"),
    "TOO_RECENT_EVENT": Retry(None, "TOO_RECENT_EVENT", alone=True),
    "EXPIRED_EVENT": Refused(Refusal.REJECTED, "EXPIRED_EVENT"),
    "INVALID_CONVERSION_ACTION": Retry(None, "INVALID_CONVERSION_ACTION"),
    "CUSTOMER_NOT_ACCEPTED_CUSTOMER_DATA_TERMS": Retry(None, "CUSTOMER_NOT_ACCEPTED_CUSTOMER_DATA_TERMS"),
    "": Retry(None, "Google's answer does not speak of it", alone=True),
}


@pytest.mark.parametrize("code", GOOGLE)
def test_google_is_heard_on_each_row(code: str) -> None:
    path = [{"fieldName": "conversions", "index": 1}]
    error = {"errorCode": {"conversionUploadError": code}, "location": {"fieldPathElements": path}}
    details = [{"errors": [error]}] if code else []

    def bend(body: bytes) -> bytes:
        answer = json.loads(body)
        answer["results"][1] = {}
        return json.dumps(answer | {"partialFailureError": {"code": 3, "details": details}}).encode()

    outcomes, _ = delivered("google_conversions", bend)
    assert outcomes == [Delivered("taken"), GOOGLE[code], Delivered("taken")]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (201, Delivered("taken")),
        (400, Refused(Refusal.REJECTED, "HTTP 400")),
        (403, Retry(None, "HTTP 403")),
        (404, Retry(None, "HTTP 404")),
        (429, Retry(None, "HTTP 429", alone=True)),
        (500, Retry(None, "HTTP 500", alone=True)),
    ],
)
def test_linkedin_is_heard_on_each_row(status: int, outcome: Delivery) -> None:
    statuses = [{"status": 201}, {"status": status}, {"status": 201}]
    outcomes, _ = delivered("linkedin_conversions", lambda _: json.dumps({"elements": statuses}).encode())
    assert outcomes == [Delivered("taken"), outcome, Delivered("taken")]


@pytest.mark.parametrize("received", [2, 3])
def test_microsoft_is_heard_on_each_row_and_its_count_must_fit(received: int) -> None:
    told = {"eventsReceived": received, "error": {"details": [{"index": 1, "errorCode": "InvalidEm"}]}}
    outcomes, _ = delivered("microsoft_conversions", lambda _: json.dumps(told).encode())
    if received == 2:
        assert outcomes == [Delivered("taken"), Refused(Refusal.REJECTED, "InvalidEm"), Delivered("taken")]
    else:
        assert {type(outcome) for outcome in outcomes} == {Retry}


@pytest.mark.parametrize("status", [402, 404, 410, 426, 477])
@pytest.mark.parametrize("name", CRMS)
def test_what_is_wrong_with_our_account_or_url_is_no_leads_fault(name: str, status: int) -> None:
    async def play() -> list[Delivery]:
        async with facing(name) as (sink, fake):
            fake.troubles.append((status, {"retry-after": "60"}))
            return list(await sink.deliver(parcels(1)))

    assert asyncio.run(play()) == [Retry(60.0, f"HTTP {status}")]


@pytest.mark.parametrize(
    ("status", "error", "outcome"),
    [
        (400, {"code": 190, "error_subcode": 463, "type": "OAuthException"}, Retry(60.0, "code 190")),
        (400, {"code": 4}, Retry(60.0, "code 4")),
        (400, {"code": 80004}, Retry(60.0, "code 80004")),
        (400, {"code": 200}, Retry(60.0, "code 200")),
        (400, {"code": 100, "error_subcode": 33}, Retry(60.0, "code 100")),
        (400, {"code": 100, "error_subcode": 2804019}, Refused(Refusal.REJECTED, "HTTP 400")),
        (400, {"code": 100}, Refused(Refusal.REJECTED, "HTTP 400")),
        (500, {"code": 2}, Retry(60.0, "code 2")),
        (503, None, Retry(60.0, "HTTP 503")),
    ],
)
def test_meta_is_heard_on_whether_it_is_our_token_our_limit_or_the_lead(
    status: int, error: dict[str, object] | None, outcome: Delivery
) -> None:
    async def play() -> list[Delivery]:
        async with facing("meta_conversions") as (sink, fake):
            told = json.dumps({"error": error}).encode() if error else b"<html>"
            fake.troubles.append((status, {"retry-after": "60"}))
            fake.says = told
            return list(await sink.deliver(parcels(1)))

    assert asyncio.run(play()) == [outcome]


@pytest.mark.parametrize(
    ("category", "traces", "outcome"),
    [
        ("VALIDATION_ERROR", ["d-1"], Refused(Refusal.REJECTED, "VALIDATION_ERROR")),
        ("CONFLICT", ["d-1"], Retry(None, "CONFLICT", alone=True)),
        ("RATE_LIMITS", ["d-1"], Retry(None, "RATE_LIMITS", alone=True)),
        ("VALIDATION_ERROR", None, Retry(None, "HubSpot's answer does not speak of it", alone=True)),
    ],
)
def test_hubspot_is_heard_on_each_row(category: str, traces: list[str] | None, outcome: Delivery) -> None:
    error = {"status": "error", "category": category, "context": traces and {"objectWriteTraceId": traces}}

    def bend(body: bytes) -> bytes:
        answer = json.loads(body)
        answer["results"] = [one for one in answer["results"] if one["objectWriteTraceId"] != "d-1"]
        return json.dumps(answer | {"errors": [error], "numErrors": 1}).encode()

    outcomes, _ = delivered("hubspot", bend)
    assert outcomes == [Delivered("created"), outcome, Delivered("created")]


@pytest.mark.parametrize(
    ("code", "outcome"),
    [(0, Delivered("taken")), (40002, Refused(Refusal.REJECTED, "code 40002")), (40100, Retry(None, "code 40100"))],
)
def test_tiktok_is_heard_although_its_status_is_always_200(code: int, outcome: Delivery) -> None:
    outcomes, _ = delivered("tiktok_conversions", lambda _: json.dumps({"code": code, "message": "m"}).encode())
    assert outcomes == [outcome] * 3
