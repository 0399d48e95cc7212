"""Every door out goes through the guard: no spelling, no redirect, no name and no answer leads into the house."""

import ast
import asyncio
import gzip
import json
import socket
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from connectors.egress.guard import Guard
from connectors.egress.http import DELIVERY_BYTES, READ_BYTES, Answer, Http, Retry
from connectors.fetcher import reading
from connectors.fetchers import FETCHERS
from connectors.sinks import SINKS
from connectors.sinks.delivery import Parcel
from connectors.sources.contract import Part
from tests.canary import HERE, canary
from tests.contract.sinks.rigs import CRMS, LEAD, PERSON, SECRET, erasure
from tests.contract.sources.senders import stored
from tests.unit.connectors.test_fetchers import NOTICES, notice, settings

Outcomes = Sequence[object]
Door = Callable[[str, str], Awaitable[Outcomes]]  # an address, and what is allowed besides the public internet
OURS = "127.0.0.1"  # where a platform stands that is allowed; the canary listens beside it
APIS = {
    "meta_ads": "LEADSTREAM_META_API",
    "linkedin_ads": "LEADSTREAM_LINKEDIN_API",
    "hubspot": "LEADSTREAM_HUBSPOT_API",
    "salesforce": "LEADSTREAM_SALESFORCE_API",
}


def delivering(name: str, *, erase: bool = False) -> Door:
    async def knock(url: str, allowed: str) -> Outcomes:
        given = {"url": url, "secret": SECRET} if name == "webhook" else CRMS[name][1](url)
        kind = SINKS[name]
        sink = kind.open(kind.options.model_validate(given | {"timeout_s": 2.0}), Guard([allowed] if allowed else []))
        try:
            return await (sink.erase([erasure()]) if erase else sink.deliver([Parcel(LEAD, PERSON)]))
        finally:
            await sink.close()

    return knock


def fetching(name: str) -> Door:
    async def knock(url: str, allowed: str) -> Outcomes:
        given = settings(
            **{APIS[name]: url},
            LEADSTREAM_FETCH_TIMEOUT_S="2",
            **({"LEADSTREAM_EGRESS_ALLOW": allowed} if allowed else {}),
        )
        http = reading(given)
        try:
            return [await FETCHERS[name](given, http).fetch(*notice(name))]
        finally:
            await http.close()

    return knock


CRM_SINKS = [name for name in SINKS if name != "memory"]
DOORS: dict[str, Door] = {
    **{f"delivering to {name}": delivering(name) for name in CRM_SINKS},
    **{
        f"erasing at {name}": delivering(name, erase=True)
        for name in CRM_SINKS
        if not name.endswith("_conversions")  # they erase nothing
    },
    **{f"reading from {name}": fetching(name) for name in NOTICES},
}
EACH = pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)


@asynccontextmanager
async def platform(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """A platform on an address that is allowed."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, OURS, 0).start()
    try:
        yield f"http://{OURS}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def test_every_sink_and_every_fetcher_is_tried() -> None:
    assert set(CRM_SINKS) == {"webhook", *CRMS}
    assert set(FETCHERS) == {*NOTICES, "ses"}  # whose address is in the message: below


@EACH
def test_no_spelling_of_this_machine_is_connected_to(door: Door) -> None:
    async def play() -> None:
        async with canary() as (port, met):
            for number, host in enumerate(HERE):
                scheme = ("http", "https")[number % 2]
                outcomes = await door(f"{scheme}://{host}:{port}", "")
                assert {type(outcome) for outcome in outcomes} == {Retry}, host
            assert met == []
            await door(f"http://{OURS}:{port}", OURS)
            assert met, "the canary sings when it is visited"

    asyncio.run(play())


@EACH
def test_a_redirect_is_not_followed(door: Door) -> None:
    async def play() -> None:
        async with canary() as (port, met):
            asked: list[str] = []

            async def elsewhere(request: web.Request) -> web.Response:
                asked.append(request.path)
                return web.Response(status=302, headers={"location": f"http://127.0.0.2:{port}/"})

            async with platform(elsewhere) as url:
                await door(url, OURS)
            assert asked
            assert met == []

    asyncio.run(play())


@pytest.mark.parametrize("name", ["salesforce", "zoho"])
def test_the_instance_that_a_token_names_is_checked_too(name: str) -> None:
    async def play() -> None:
        async with canary() as (port, met):
            inside = f"http://127.0.0.2:{port}"

            async def grant(_: web.Request) -> web.Response:
                return web.json_response({"access_token": "t", "instance_url": inside, "api_domain": inside})

            async with platform(grant) as url:
                (outcome,) = await delivering(name)(url, OURS)
            assert isinstance(outcome, Retry)
            assert "LEADSTREAM_EGRESS_ALLOW" in outcome.why
            assert met == []

    asyncio.run(play())


def test_a_subscription_is_not_confirmed_where_amazons_name_leads_into_the_house() -> None:
    link = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=1"
    names = ("Type", "Message", "MessageId", "Timestamp", "TopicArn", "Signature", "SignatureVersion", "SigningCertURL")
    body = json.dumps(dict.fromkeys(names, "x") | {"SubscribeURL": link}).encode()

    async def play() -> None:
        async with canary() as (port, met):
            asked: list[str] = []

            async def poisoned(host: str, *_: Any, **__: Any) -> list[Any]:
                asked.append(host)
                return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

            loop: Any = asyncio.get_running_loop()
            loop.getaddrinfo = poisoned
            http = reading(settings())
            outcome = await FETCHERS["ses"](settings(), http).fetch(
                stored("ses", Part("1", "subscription", "v", body)), body
            )
            await http.close()
            assert isinstance(outcome, Retry)
            assert (asked, met) == (["sns.eu-central-1.amazonaws.com"], [])

    asyncio.run(play())


@pytest.mark.parametrize("name", NOTICES)  # of the sinks, their own suite says so
def test_a_platform_that_keeps_us_waiting_is_asked_again(name: str) -> None:
    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(60.0)
        raise AssertionError

    async def play() -> Outcomes:
        async with platform(hang) as url:
            return await fetching(name)(url, OURS)

    assert asyncio.run(play()) == [Retry(None, "timeout")]


@EACH
@pytest.mark.parametrize("asked", ["7", "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_who_asks_for_a_pause_gets_it(door: Door, asked: str) -> None:
    async def busy(_: web.Request) -> web.Response:
        return web.Response(status=429, headers={"retry-after": asked})

    async def play() -> Outcomes:
        async with platform(busy) as url:
            return await door(url, OURS)

    for outcome in asyncio.run(play()):
        assert isinstance(outcome, Retry)
        assert outcome.after_s == (7.0 if asked == "7" else 3_600.0)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("largest", [DELIVERY_BYTES, READ_BYTES])
def test_an_answer_is_read_up_to_its_limit_whatever_it_grows_to(largest: int, packed: bool) -> None:
    piece = bytes(READ_BYTES // 16)
    bomb, headers = gzip.compress(bytes(256 * READ_BYTES)), {"content-encoding": "gzip"} if packed else {}

    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers=headers)
        await answer.prepare(request)
        while True:  # until nobody reads any more
            await answer.write(bomb if packed else piece)

    async def play() -> tuple[Answer | Retry, int]:
        http = Http(Guard([OURS]), 20.0, largest=largest)
        async with platform(endless) as url:
            await http.send("GET", url)  # what is imported and kept once does not count
            tracemalloc.start()
            answer = await http.send("GET", url)
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        await http.close()
        return answer, most

    answer, most = asyncio.run(play())
    assert answer == Answer(200, bytes(largest), None, whole=False)
    assert most < 16 * READ_BYTES


@pytest.mark.parametrize("more", [0, 1])
def test_an_answer_of_just_the_limit_is_whole(more: int) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=bytes(READ_BYTES + more))

    async def play() -> Answer | Retry:
        http = Http(Guard([OURS]), 20.0, largest=READ_BYTES)
        async with platform(answer) as url:
            heard = await http.send("GET", url)
        await http.close()
        return heard

    assert asyncio.run(play()) == Answer(200, bytes(READ_BYTES), None, whole=not more)


@pytest.mark.parametrize(
    ("url", "asked"),
    [("/a%3Ab?start=(x:1)&u=urn%3Ali", "/a%3Ab?start=(x:1)&u=urn%3Ali"), ("/é b", "/%C3%A9%20b"), ("/a\r\nX: 1", None)],
)
def test_an_address_is_asked_as_it_is_and_cannot_break_out_of_its_line(url: str, asked: str | None) -> None:
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.raw_path)
        assert "x" not in request.headers
        return web.Response()

    async def play() -> None:
        http = Http(Guard([OURS]), 5.0)
        async with platform(answer) as base:
            await http.send("GET", f"{base}{url}")
        await http.close()

    asyncio.run(play())
    assert asked is None or seen == [asked]


def test_nobody_else_among_the_doors_speaks_http_to_others() -> None:
    clients = {"aiohttp", "http.client", "httpx", "requests", "urllib.request", "urllib3"}
    found = {}
    for path in Path("connectors").rglob("*.py"):
        tree = ast.walk(ast.parse(path.read_text()))
        names = {name.name for node in tree if isinstance(node, ast.Import) for name in node.names}
        tree = ast.walk(ast.parse(path.read_text()))
        names |= {node.module or "" for node in tree if isinstance(node, ast.ImportFrom)}
        if names & clients:
            found[str(path)] = names & clients
    assert found == {
        "connectors/egress/http.py": {"aiohttp"},
        "connectors/canary.py": {"urllib.request"},  # to our own collector
    }
