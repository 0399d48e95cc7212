"""The script and the visitor's cookie over real HTTP, without a browser."""

import gzip
import json
import uuid
from collections.abc import Iterator

import pytest

from connectors.snippet import FILE, Snippet
from connectors.visitor import LONGEST_S, NAME
from streams.runtime.handle import BrokerHandle
from tests.collecting import Collecting, collecting
from tests.contract.sources.senders import WRITE_KEY, settings

MOST_BYTES = 5_000
ORIGIN = "https://shop.example"


@pytest.fixture(scope="module")
def collector(broker: BrokerHandle) -> Iterator[Collecting]:
    with collecting(
        settings(
            KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap,
            LEADSTREAM_COLLECTOR_PORT="0",
            LEADSTREAM_CORS_ORIGINS=ORIGIN,
        )
    ) as running:
        yield running


def offered(offer: str, **also: object) -> bytes:
    return json.dumps({"writeKey": WRITE_KEY, "anonymousId": offer, **also}).encode()


def test_the_script_is_small_and_served_as_it_is() -> None:
    headers = [(b"accept-encoding", b"br, gzip")]
    answer = Snippet().answer(headers)
    assert len(answer.body) < MOST_BYTES
    assert gzip.decompress(answer.body) == FILE.read_bytes() == Snippet().answer([]).body


def test_a_browser_that_has_the_script_is_not_sent_it_again(collector: Collecting) -> None:
    first = collector.ask("/leadstream.js")
    assert first.headers["content-type"] == "text/javascript; charset=utf-8"
    again = collector.ask("/leadstream.js", if_none_match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")


def test_a_browser_keeps_the_first_id_that_it_was_given(collector: Collecting) -> None:
    mine, other = str(uuid.uuid4()), str(uuid.uuid4())
    first = collector.ask("/v1/visitor", offered(mine), content_type="text/plain", origin=ORIGIN)
    assert first.json() == {"anonymousId": mine}
    cookie = first.headers["set-cookie"]
    assert cookie == f"{NAME}={mine}; Max-Age={LONGEST_S}; Path=/; Secure; HttpOnly; SameSite=Lax"
    assert first.headers["access-control-allow-credentials"] == "true"
    again = collector.ask("/v1/visitor", offered(other), cookie=f"a=b; {NAME}={mine}")
    assert again.json() == {"anonymousId": mine}


def test_with_privacy_control_on_a_cookie_takes_the_visitors_word(collector: Collecting) -> None:
    mine = str(uuid.uuid4())
    assert "set-cookie" not in collector.ask("/v1/visitor", offered(mine), sec_gpc="1").headers
    assert "set-cookie" in collector.ask("/v1/visitor", offered(mine, consented=True), sec_gpc="1").headers


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "invalid_json"),
        (b'{"anonymousId":"a"}', 401, "invalid_write_key"),
        (offered("a; Domain=evil.example"), 400, "invalid_anonymous_id"),
        (offered(""), 400, "invalid_anonymous_id"),
        (b'{"writeKey":7}', 400, "invalid_value"),
    ],
)
def test_an_offer_that_cannot_be_taken_sets_nothing(collector: Collecting, body: bytes, status: int, code: str) -> None:
    answer = collector.ask("/v1/visitor", body)
    assert (answer.status, answer.json()["code"]) == (status, code)
    assert "set-cookie" not in answer.headers


def test_a_forged_cookie_is_not_handed_back(collector: Collecting) -> None:
    mine = str(uuid.uuid4())
    for forged in (f"{NAME}=me", f'{NAME}="{mine}; Path=/evil"', f"{NAME}="):
        assert collector.ask("/v1/visitor", offered(mine), cookie=forged).json() == {"anonymousId": mine}
