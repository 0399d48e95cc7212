"""Backfill on a broker, from platforms that page, limit and go away: each lead is one event, as its notice makes it."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from typer.testing import CliRunner, Result

from connectors.backfill import BACKFILLERS, Done, Missing, run
from connectors.egress.guard import Guard
from connectors.egress.http import Answer, Http, Retry
from connectors.fetchers import FETCHERS, Found
from connectors.fetchers.contract import Leads, Range
from connectors.sending import Sending
from connectors.sources import SOURCES
from connectors.sources.contract import Part
from schemas.records import RawEvent
from schemas.topics import EVENTS_AD
from streams.cli import app
from streams.runtime.handle import BrokerHandle
from tests.contract.sources.senders import stored
from tests.pipeline import landed
from tests.unit.connectors.test_fetchers import ANSWERS, LINKEDIN, META, Platforms, settings
from tests.wires import CODEC, connected, ends

FORM = "urn:li:versionedLeadGenForm:(urn:li:leadGenForm:818,1)"
OWNER = "urn:li:sponsoredAccount:520001"
NAMES = {"meta_ads": "880", "linkedin_ads": OWNER}


class Pages(Http):
    """A platform with so many leads of one form, a page at a time; troubles first, then as it should be."""

    def __init__(self, leads: int, *troubles: Answer | Retry) -> None:
        super().__init__(Guard(), 1.0)
        self.leads, self.troubles, self.asked = leads, list(troubles), list[str]()

    async def send(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer | Retry:
        assert (method, body) == ("GET", None)
        assert headers
        self.asked.append(url)
        if "/leadForms/" in url:
            return Answer(200, json.dumps(ANSWERS["/leadForms/818"]).encode())
        if self.troubles:
            return self.troubles.pop(0)
        return Answer(200, json.dumps(self.page(url)).encode())

    def page(self, url: str) -> dict[str, object]:
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        start, count = int(query.get("after", query.get("start", 0))), int(query.get("limit", query.get("count", 0)))
        numbers = range(start, min(start + count, self.leads))
        if "leadFormResponses" in url:
            return {"elements": [LINKEDIN | {"id": f"{n}-4", "versionedLeadGenFormUrn": FORM} for n in numbers]}
        paging = {"next": "https://x", "cursors": {"after": str(numbers.stop)}} if numbers.stop < self.leads else {}
        return {"data": [META | {"id": str(n)} for n in numbers], "paging": paging}


def fetched(environ: dict[str, str], source: str, pages: Pages, done: Done | None = None) -> tuple[Done, list[str]]:
    """Run a backfill to its end; return what it came to, and why it waited."""
    given, whys = settings(KAFKA_BOOTSTRAP_SERVERS=environ["KAFKA_BOOTSTRAP_SERVERS"]), list[str]()

    async def at_once(_: float) -> None:
        return

    def told(_: Done, why: str) -> None:
        if why:
            whys.append(why)

    with Sending(given) as sending:
        fetcher = BACKFILLERS[source](given, pages)
        begun = done or Done(source, NAMES[source], 1_790_000_000.0, 1_795_200_000.0)
        work = run(fetcher, begun, CODEC, sending, told=told, clock=lambda: 1_795_200_000.0, wait=at_once)
        return asyncio.run(work), whys


@pytest.fixture
def environ(broker: BrokerHandle) -> dict[str, str]:
    return connected(broker)


def since(environ: dict[str, str], bootstrap: str, before: dict[tuple[str, int], int]) -> list[RawEvent]:
    assert environ
    found = [one.record for one in landed(bootstrap, EVENTS_AD, since=before)]
    return [one for one in found if isinstance(one, RawEvent)]


@pytest.mark.parametrize("source", BACKFILLERS)
def test_every_lead_is_written_once_whatever_the_platform_does_meanwhile(
    environ: dict[str, str], broker: BrokerHandle, source: str
) -> None:
    before = {(spot.topic, spot.partition): spot.offset for spot in ends(environ, EVENTS_AD)}
    pages = Pages(230, Retry(None, "timeout"), Answer(503, b""), Answer(429, b"", 0.5), Answer(200, b"<html>"))
    done, whys = fetched(environ, source, pages)
    events = since(environ, broker.bootstrap, before)
    assert (done.sent, done.whole, len(whys)) == (230, True, 4)
    assert len(events) == len({raw.event_id for raw in events}) == 230
    assert {raw.source for raw in events} == {source}
    assert [SOURCES[source].adapt(raw).identifiers.email for raw in events] == ["j@e.com"] * 230
    assert sum("/leadForms/" in url for url in pages.asked) <= 1


@pytest.mark.parametrize("source", BACKFILLERS)
def test_an_interrupted_backfill_goes_on_at_its_page(environ: dict[str, str], source: str) -> None:
    first = Pages(230)
    given = settings()
    begun = Done(source, NAMES[source], 1_790_000_000.0, 1_795_200_000.0)
    page = asyncio.run(BACKFILLERS[source](given, first).leads(Range(begun.of, begun.since, begun.until), ""))
    assert isinstance(page, Leads)
    done, _ = fetched(environ, source, Pages(230), Done(source, begun.of, begun.since, begun.until, page.next, 100))
    assert (len(page.parts), done.sent, done.whole) == (100, 230, True)


def test_a_lead_that_a_notice_brings_is_the_same_event() -> None:
    noticed = {
        "meta_ads": {"leadgen_id": "204"},
        "linkedin_ads": {"leadGenFormResponse": "urn:li:leadGenFormResponse:7-4", "leadGenForm": FORM},
    }
    for source, kind in BACKFILLERS.items():
        body = json.dumps(noticed[source]).encode()
        notice = stored(source, Part("204" if source == "meta_ads" else "of the notice", "leadgen", "v-1", body))
        by_notice = asyncio.run(FETCHERS[source](settings(), Platforms()).fetch(notice, body))
        assert isinstance(by_notice, Found)
        page = asyncio.run(
            kind(settings(), Pages(300)).leads(Range(NAMES[source], 0.0, 1.0), "204" if source == "meta_ads" else "7")
        )
        assert isinstance(page, Leads)
        assert by_notice.parts[0].event_id == page.parts[0].event_id
        assert by_notice.parts[0].key == page.parts[0].key


def test_the_range_is_asked_for_as_each_platform_wants_it() -> None:
    pages = Pages(1)
    for source, kind in BACKFILLERS.items():
        asyncio.run(kind(settings(), pages).leads(Range(NAMES[source], 1_000.5, 2_000.0), ""))
    meta, linkedin = pages.asked[0], pages.asked[1]
    assert json.loads(parse_qs(urlsplit(meta).query)["filtering"][0]) == [
        {"field": "time_created", "operator": "GREATER_THAN", "value": 1000},
        {"field": "time_created", "operator": "LESS_THAN", "value": 2000},
    ]
    assert "owner=(sponsoredAccount:urn%3Ali%3AsponsoredAccount%3A520001)" in linkedin
    assert "submittedAtTimeRange=(start:1000500,end:2000000)" in linkedin


@pytest.mark.parametrize("answer", [Answer(404, b"{}"), Answer(200, b'{"data":7}')])
def test_a_form_that_is_not_there_and_an_answer_that_is_none_end_it(environ: dict[str, str], answer: Answer) -> None:
    with pytest.raises(Missing, match="meta_ads"):
        fetched(environ, "meta_ads", Pages(1, answer))


def command(environ: dict[str, str], url: str, note: Path, *arguments: str) -> Result:
    told = {
        "LEADSTREAM_META_API": url,
        "LEADSTREAM_META_TOKEN": "t",
        "LEADSTREAM_PEPPER": "sixteen bytes or more",
        "LEADSTREAM_EGRESS_ALLOW": "127.0.0.1",
    }
    arguments = ("backfill", "meta_ads", "880", "--note", str(note), *arguments)
    return CliRunner().invoke(app, arguments, env=environ | told)


def test_the_command_fetches_over_http_notes_how_far_it_is_and_does_it_once(
    environ: dict[str, str], tmp_path: Path
) -> None:
    pages, note = Pages(120), tmp_path / "note.json"

    async def answer(request: web.Request) -> web.Response:
        pages.asked.append(str(request.rel_url))
        return web.json_response(pages.page(str(request.rel_url)))

    async def story() -> tuple[Result, Result, Result]:
        site = web.Application()
        site.router.add_get("/{rest:.*}", answer)
        runner = web.AppRunner(site)
        await runner.setup()
        server = web.TCPSite(runner, "127.0.0.1", 0)
        await server.start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            return (
                await asyncio.to_thread(command, environ, url, note, "--json"),
                await asyncio.to_thread(command, environ, url, note, "--json"),
                await asyncio.to_thread(command, environ, url, note, "--since", "1h", "--until", "2h"),
            )
        finally:
            await runner.cleanup()

    once, again, odd = asyncio.run(story())
    assert (once.exit_code, json.loads(once.stdout)["sent"]) == (0, 120), once.stderr
    assert (again.exit_code, json.loads(again.stdout)["sent"], len(pages.asked)) == (0, 120, 2)
    assert (odd.exit_code, "--since must lie before --until" in odd.stderr) == (2, True)
    assert json.loads(note.read_bytes())["whole"]
