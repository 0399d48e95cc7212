"""No spelling of an inner address, no name that leads to one, and no redirect makes a connection."""

import asyncio
import socket
from typing import Any

import pytest

from connectors.egress.guard import Guard, may_reach
from connectors.egress.http import Answer, Http, Retry
from connectors.settings import FetcherSettings, RelaySettings, SettingsError
from tests.canary import HERE, canary
from tests.receiver import listening

# Addresses that are somebody's inside: clouds' metadata, private, shared, link-local, test, multicast, reserved.
INSIDE = (
    "169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "10.0.0.1",
    "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.254", "100.64.0.1", "100.127.255.254",
    "198.18.0.1", "198.19.255.255", "192.0.2.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250",
    "240.0.0.1", "255.255.255.255", "0.0.0.1", "192.88.99.1", "fc00::1", "fdff::1", "fe80::a9fe:a9fe", "fec0::1",
    "ff02::1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "2002:a00:1::", "::a00:1",
    "2001:db8::1", "100::1",
)  # fmt: skip


async def visit(guard: Guard, *urls: str) -> list[Answer | Retry]:
    http = Http(guard, 2.0)
    try:
        return [await http.send("POST", url, body=b"{}") for url in urls]
    finally:
        await http.close()


def test_no_spelling_of_this_machine_is_connected_to() -> None:
    async def play() -> None:
        async with canary() as (port, met):
            urls = [f"{scheme}://{host}:{port}/" for host in HERE for scheme in ("http", "https")]
            answers = await visit(Guard(), *urls)
            assert len(urls) > 60
            assert met == []
            assert all(isinstance(answer, Retry) for answer in answers)
            assert not isinstance((await visit(Guard(["127.0.0.1"]), f"http://127.0.0.1:{port}/"))[0], Answer)
            assert len(met) == 1, "the canary sings when it is visited"

    asyncio.run(play())


@pytest.mark.parametrize("address", INSIDE)
def test_an_inner_address_is_out_of_bounds(address: str) -> None:
    assert not may_reach(address, 443)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_a_public_address_is_reached_over_https_and_no_other_port(address: str) -> None:
    assert may_reach(address, 443)
    assert not any(may_reach(address, port) for port in (22, 25, 80, 6379, 8080, 9092))


def test_a_name_that_leads_elsewhere_when_asked_again_is_asked_once_and_checked_each_time() -> None:
    async def play() -> None:
        async with canary() as (port, met):
            asked: list[str] = []

            async def rebinding(host: Any, *_: Any, **__: Any) -> list[Any]:
                asked.append(host)
                address = "8.8.8.8" if len(asked) == 1 else "127.0.0.1"
                return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

            loop: Any = asyncio.get_running_loop()
            loop.getaddrinfo = rebinding
            tried: list[str] = []

            class Watching(Guard):
                def check(self, host: str, port: int) -> None:
                    tried.append(host)
                    super().check(host, port)

            guard = Watching()
            await visit(guard, f"https://rebinding.example:{port}/")
            assert (asked.count("rebinding.example"), tried) == (1, ["8.8.8.8"])
            (second,) = await visit(guard, f"https://rebinding.example:{port}/")
            assert isinstance(second, Retry)
            assert tried == ["8.8.8.8", "127.0.0.1"]
            assert met == []

    asyncio.run(play())


def test_a_redirect_into_the_house_is_not_followed() -> None:
    async def play() -> None:
        async with canary() as (port, met), listening() as receiver:
            receiver.answers = [(status, {"location": f"http://127.0.0.2:{port}/"}) for status in (301, 302, 307, 308)]
            answers = await visit(Guard(["127.0.0.1"]), *[receiver.url] * 4)
            assert [answer.status for answer in answers if isinstance(answer, Answer)] == [301, 302, 307, 308]
            assert met == []

    asyncio.run(play())


def test_what_is_blocked_says_which_setting_allows_it() -> None:
    (answer,) = asyncio.run(visit(Guard(), "http://127.0.0.1:9/"))
    assert isinstance(answer, Retry)
    assert "LEADSTREAM_EGRESS_ALLOW" in answer.why


@pytest.mark.parametrize("settings", [RelaySettings, FetcherSettings])
def test_a_network_that_is_none_is_named(settings: type[RelaySettings | FetcherSettings]) -> None:
    given = {"KAFKA_BOOTSTRAP_SERVERS": "not:1", "LEADSTREAM_PEPPER": "sixteen bytes or more"}
    with pytest.raises(SettingsError, match="LEADSTREAM_EGRESS_ALLOW is wrong: localhost"):
        settings.read(given | {"LEADSTREAM_EGRESS_ALLOW": "127.0.0.1,localhost"})
