"""How senders prove who they are and read answers, and how the small CRM checks what it is sent."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks import Webhook

from streams.demo.crm import Crm, genuine
from streams.demo.ledger import Ledger
from streams.demo.senders import Keys, Senders, dressed, problems, sendgrid_key
from streams.demo.sends import Door, Send

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
NOW = 1_700_000_000.0
BODY = b'{"type":"lead.routed"}'
PRIVATE, PUBLIC = sendgrid_key()
KEYS = Keys("write", "crm", 'goo"gle', PRIVATE)


def signed(webhook_id: str = "msg_1", at: float = NOW) -> dict[str, str]:
    signature = Webhook(SECRET).sign(webhook_id, datetime.fromtimestamp(at, UTC), BODY.decode())
    return {"webhook-id": webhook_id, "webhook-timestamp": str(int(at)), "webhook-signature": signature}


@pytest.fixture
def crm() -> Iterator[Crm]:
    crm = Crm()
    crm.secret = SECRET
    yield crm
    crm.stop()


def test_the_google_key_travels_inside_the_body() -> None:
    body, _ = dressed(Send(0.0, Door.GOOGLE, "/", b'{"lead_id":"1"}', ("1",)), KEYS, NOW)
    assert json.loads(body) == {"lead_id": "1", "google_key": 'goo"gle'}


def test_a_browsers_opt_out_is_a_header() -> None:
    send = Send(0.0, Door.SEGMENT, "/", b"{}", ("1",))
    assert "sec-gpc" not in dressed(send, KEYS, NOW)[1]
    assert dressed(send._replace(gpc=True), KEYS, NOW)[1]["sec-gpc"] == "1"


@pytest.mark.parametrize("door", Door)
def test_secrets_stay_out_of_what_the_generator_makes(door: Door) -> None:
    """Bodies are the generator's, byte for byte, but for Google's key."""
    body, _ = dressed(Send(0.0, door, "/", b'{"a":1}', ("1",)), KEYS, NOW)
    assert body.startswith(b'{"a":1')
    assert (body == b'{"a":1}') is (door is not Door.GOOGLE)


@pytest.mark.parametrize(
    ("status", "said", "found"),
    [
        (200, b'{"success":true}', {}),
        (200, b"", {}),
        (200, b'{"success":true,"refused":1,"results":[{"index":1,"reason":"no_type"}]}', {1: "no_type"}),
        (400, b'{"results":[{"index":0,"reason":"a"},{"index":1,"reason":"b"}]}', {0: "a", 1: "b"}),
        (401, b'{"code":"invalid_write_key"}', {0: "invalid_write_key", 1: "invalid_write_key"}),
        (404, b"<html>", {0: "http_404", 1: "http_404"}),
    ],
)
def test_an_answer_says_which_events_were_refused(status: int, said: bytes, found: dict[int, str]) -> None:
    assert problems(status, said, 2) == found


def test_what_the_official_library_signs_is_genuine() -> None:
    assert genuine(SECRET, signed(), BODY, NOW + 200)


def test_one_right_signature_of_several_is_enough() -> None:
    headers = signed()
    assert genuine(SECRET, headers | {"webhook-signature": f"v1,bm8= {headers['webhook-signature']}"}, BODY, NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": str(int(NOW) + 1)},
        {"webhook-timestamp": "soon"},
        {"webhook-signature": "v1,bm8="},
        {"webhook-signature": ""},
        {"webhook-id": ""},
    ],
)
def test_a_changed_header_is_a_forgery(change: dict[str, str]) -> None:
    assert not genuine(SECRET, signed() | change, BODY, NOW)


def test_a_changed_body_an_old_webhook_and_a_missing_secret_are_refused() -> None:
    assert not genuine(SECRET, signed(), BODY + b" ", NOW)
    assert not genuine(SECRET, signed(), BODY, NOW + 301)
    assert not genuine("", signed(), BODY, NOW)


def test_the_crm_counts_deliveries_by_their_id(crm: Crm) -> None:
    now = datetime.now(UTC).timestamp()
    for webhook_id in ("msg_1", "msg_2", "msg_1"):
        request = urllib.request.Request(crm.url, BODY, signed(webhook_id, now), method="POST")
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert answer.status == 204
    assert crm.received == {"msg_1": 2, "msg_2": 1}
    assert (crm.duplicates, crm.forged) == (1, 0)


def test_the_crm_turns_a_forgery_away(crm: Crm) -> None:
    request = urllib.request.Request(crm.url, BODY, signed(at=NOW), method="POST")
    with pytest.raises(urllib.error.HTTPError, match="401") as refused:
        urllib.request.urlopen(request, timeout=5)
    refused.value.close()
    assert (len(crm.received), crm.forged) == (0, 1)


class Moody:
    """A door that answers each request with the next of `answers`, and keeps the bodies it was sent."""

    def __init__(self, *answers: tuple[int, str]) -> None:
        self.answers = list(answers)
        self.bodies: list[bytes] = []

    async def take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        status, retry_after = self.answers.pop(0)
        return web.Response(status=status, headers={"retry-after": retry_after} if retry_after else {})

    async def met_by(self, send: Send) -> Ledger:
        """Send it once, as a sender would, and return the sender's ledger."""
        app = web.Application()
        app.router.add_post("/", self.take)
        ledger = Ledger()
        async with TestServer(app, host="127.0.0.1") as server:
            await Senders(str(server.make_url("")).rstrip("/"), KEYS, rate=0.0).play([send], ledger)
        return ledger


@pytest.mark.parametrize("answer", [(503, "0"), (429, "0"), (503, "")])
def test_told_later_a_sender_sends_the_same_again(answer: tuple[int, str]) -> None:
    door = Moody(answer, answer, (200, ""))
    ledger = asyncio.run(door.met_by(Send(0.0, Door.SEGMENT, "/", b'{"a":1}', ("1", "2"))))
    assert door.bodies == [b'{"a":1}'] * 3
    assert (ledger.sent, ledger.retried, ledger.accepted) == (2, 2, {"1": 1, "2": 1})


def test_a_refusal_is_final() -> None:
    door = Moody((400, ""))
    ledger = asyncio.run(door.met_by(Send(0.0, Door.SEGMENT, "/", b"{}", ("1",))))
    assert (ledger.retried, ledger.refused, ledger.taken) == (0, {"http_400": 1}, 0)
