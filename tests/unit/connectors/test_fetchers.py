"""Fetchers against platforms that answer, limit, refuse and go away: what becomes of a notice."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from connectors.egress.guard import Guard
from connectors.egress.http import Answer, Http, Retry
from connectors.fetchers import FETCHERS, Found, Gone
from connectors.settings import FetcherSettings
from connectors.sources import SOURCES
from connectors.sources.contract import Part
from schemas.records import RawEvent
from schemas.sighting import Sighting
from tests.contract.sources.senders import NOW, stored

CONTACT = {"id": "77", "properties": {"email": "jane@example.com", "lead_id": None}}
META = {
    "id": "204",
    "created_time": "2026-11-20T09:15:01+0000",
    "field_data": [{"name": "email", "values": ["j@e.com"]}],
}
LINKEDIN = {
    "submittedAt": 1_795_166_101_000,
    "formResponse": {"answers": [{"questionId": 2, "answerDetails": {"textQuestionAnswer": {"answer": "j@e.com"}}}]},
}
NOTICES: dict[str, tuple[str, dict[str, Any]]] = {
    "meta_ads": ("leadgen", {"leadgen_id": "204"}),
    "linkedin_ads": (
        "created",
        {"leadGenFormResponse": "urn:li:leadGenFormResponse:7-4", "leadGenForm": "(urn:li:leadGenForm:818,1)"},
    ),
    "hubspot": (
        "deal",
        {
            "subscriptionType": "deal.propertyChange",
            "objectId": 5,
            "portalId": 33,
            "occurredAt": 1_795_166_000_000,
            "propertyName": "dealstage",
            "propertyValue": "closedwon",
        },
    ),
    "salesforce": (
        "gap",
        {
            "ChangeEventHeader": {
                "entityName": "Lead",
                "recordIds": ["00Q1"],
                "changeType": "GAP_UPDATE",
                "commitTimestamp": 1_795_166_000_000,
                "commitNumber": 7,
                "sequenceNumber": 1,
            }
        },
    ),
}
ANSWERS = {
    "/204?": META,
    "/leadFormResponses/7-4": LINKEDIN,
    "/leadForms/818": {"content": {"questions": [{"questionId": 2, "predefinedField": "EMAIL"}]}},
    "/deals/5?": {
        "id": "5",
        "properties": {"amount": "10"},
        "associations": {"contacts": {"results": [{"id": "77", "type": "deal_to_contact"}]}},
    },
    "/contacts/77?": CONTACT,
    "/oauth2/token": {"access_token": "fresh"},
    "/sobjects/Lead/00Q1?": {"Status": "Unqualified", "Email": "jane@example.com"},
}


class Platforms(Http):
    """Answers what is asked from `ANSWERS`, after the troubles that it is to make first."""

    def __init__(self, *troubles: Answer | Retry) -> None:
        super().__init__(Guard(), 1.0)
        self.troubles, self.asked = list(troubles), list[str]()
        self.always: Answer | None = None

    async def send(
        self,
        method: str,  # noqa: ARG002
        url: str,
        headers: Mapping[str, str] | None = None,  # noqa: ARG002
        body: bytes | None = None,  # noqa: ARG002
    ) -> Answer | Retry:
        self.asked.append(url)
        if self.troubles:
            return self.troubles.pop(0)
        if self.always is not None:
            return self.always
        found = next((body for part, body in ANSWERS.items() if part in url), None)
        return Answer(404, b"{}") if found is None else Answer(200, json.dumps(found).encode())


def settings(**environ: str) -> FetcherSettings:
    tokens = dict.fromkeys(
        (
            "LEADSTREAM_META_TOKEN",
            "LEADSTREAM_LINKEDIN_TOKEN",
            "LEADSTREAM_HUBSPOT_TOKEN",
            "LEADSTREAM_SALESFORCE_ID",
            "LEADSTREAM_SALESFORCE_SECRET",
        ),
        "token",
    )
    given = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "LEADSTREAM_PEPPER": "pepper-for-tests-only"}
    return FetcherSettings.read(given | tokens | {"LEADSTREAM_SALESFORCE_API": "https://sf.example", **environ})


def notice(name: str) -> tuple[RawEvent, bytes]:
    endpoint, body = NOTICES[name]
    part = Part("204", endpoint, "v-1", json.dumps(body).encode())
    return stored(name, part), part.body


def fetch(name: str, platforms: Platforms, **environ: str) -> Found | Retry | Gone:
    return asyncio.run(FETCHERS[name](settings(**environ), platforms).fetch(*notice(name)))


EACH = pytest.mark.parametrize("name", NOTICES)


@EACH
def test_what_is_fetched_is_what_the_sources_adapter_reads(name: str) -> None:
    found = fetch(name, Platforms())
    assert isinstance(found, Found)
    assert found.parts
    for part in found.parts:
        sighting = SOURCES[name].adapt(stored(name, part, NOW))
        assert isinstance(sighting, Sighting)
        assert sighting.id == part.event_id
        assert "@" in sighting.identifiers.email
    assert len({part.event_id for part in found.parts}) == len(found.parts)


@EACH
def test_fetching_twice_finds_the_same_events(name: str) -> None:
    assert fetch(name, Platforms()) == fetch(name, Platforms())


@EACH
@pytest.mark.parametrize("trouble", [Retry(None, "timeout"), Answer(503, b""), Answer(429, b"", 7.0)], ids=str)
def test_a_platform_that_is_away_or_limits_us_is_asked_later(name: str, trouble: Answer | Retry) -> None:
    later = fetch(name, Platforms(trouble))
    assert isinstance(later, Retry)
    if isinstance(trouble, Answer) and name != "salesforce":  # there it is the sign-in that is limited
        assert later.after_s == trouble.after_s


@EACH
@pytest.mark.parametrize("odd", [b"", b"<html>Down for a moment</html>", b"[]", b'{"id":"20', b'{"a":"\xff"}'])
def test_an_answer_that_is_none_costs_no_lead(name: str, odd: bytes) -> None:
    signed_in = [Answer(200, b'{"access_token":"t"}')] if name == "salesforce" else []
    assert isinstance(fetch(name, Platforms(*signed_in, Answer(200, odd))), Retry)


def test_a_form_that_was_not_understood_is_asked_for_again() -> None:
    lead, page = Answer(200, json.dumps(LINKEDIN).encode()), Answer(200, b"<html>")
    fetcher = FETCHERS["linkedin_ads"](settings(), Platforms(lead, page))
    turns = [asyncio.run(fetcher.fetch(*notice("linkedin_ads"))) for _ in range(2)]
    assert [type(turn) for turn in turns] == [Retry, Found]


@EACH
def test_what_is_not_there_any_more_is_gone(name: str) -> None:
    missing = [Answer(200, b'{"access_token":"t"}')] if name == "salesforce" else []
    assert isinstance(fetch(name, Platforms(*missing, Answer(404, b"{}"))), Gone)


@EACH
def test_a_token_that_is_not_set_or_not_good_lets_notices_wait(name: str) -> None:
    unset = {
        "LEADSTREAM_META_TOKEN": "",
        "LEADSTREAM_LINKEDIN_TOKEN": "",
        "LEADSTREAM_HUBSPOT_TOKEN": "",
        "LEADSTREAM_SALESFORCE_SECRET": "",
    }
    platforms = Platforms()
    later = fetch(name, platforms, **unset)
    assert isinstance(later, Retry)
    assert "is not set" in later.why or "not all set" in later.why
    assert platforms.asked == []
    assert isinstance(fetch(name, Platforms(*[Answer(401, b"{}")] * 4)), Retry)


@pytest.mark.parametrize("code", [2, 4, 10, 200, 80005, 190])
def test_metas_limits_and_expired_tokens_are_no_fault_of_the_lead(code: int) -> None:
    later = fetch("meta_ads", Platforms(Answer(400, json.dumps({"error": {"code": code}}).encode())))
    assert isinstance(later, Retry)


def test_salesforces_token_is_renewed_when_it_is_refused() -> None:
    platforms = Platforms(Answer(200, b'{"access_token":"old"}'), Answer(401, b""))
    assert isinstance(fetch("salesforce", platforms), Found)
    assert [url.rpartition("/")[2] for url in platforms.asked].count("token") == 2


@pytest.mark.parametrize(
    ("link", "followed"),
    [
        ("https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=1", True),
        ("https://sns.eu-central-1.amazonaws.com.evil.example/", False),
        ("http://169.254.169.254/latest/meta-data", False),
        ("", False),
    ],
)
def test_a_subscription_is_confirmed_on_amazons_hosts_only(link: str, followed: bool) -> None:
    names = ("Type", "Message", "MessageId", "Timestamp", "TopicArn", "Signature", "SignatureVersion", "SigningCertURL")
    body = json.dumps(dict.fromkeys(names, "x") | {"SubscribeURL": link}).encode()
    platforms = Platforms(Answer(200, b"<ok/>"))
    raw = stored("ses", Part("1", "subscription", "v-1", body))
    outcome = asyncio.run(FETCHERS["ses"](settings(), platforms).fetch(raw, body))
    assert platforms.asked == ([link] if followed else [])
    assert isinstance(outcome, Found if followed else Gone)
