"""Plays sends to the collector as real senders would: authenticated, some at once, again when told "later"."""

import asyncio
import base64
import time
from collections.abc import Iterable
from typing import NamedTuple

import aiohttp
import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from streams.demo.ledger import Ledger
from streams.demo.sends import Door, Send

AT_ONCE = 32
PATIENCE_S = 60.0
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 5.0
LATER = (429, 502, 503, 504)
SIGNATURE = "x-twilio-email-event-webhook-signature"
STAMP = "x-twilio-email-event-webhook-timestamp"


class Keys(NamedTuple):
    """What each sender proves itself with."""

    write_key: str
    crm_key: str
    google_key: str
    sendgrid: ec.EllipticCurvePrivateKey


class Problem(msgspec.Struct):
    """One refused event in an answer."""

    index: int
    reason: str


class Answer(msgspec.Struct):
    """An answer's body, as far as a sender reads it: a batch's refused events, or the code of a refused request."""

    results: list[Problem] = []
    code: str = ""


_answer = msgspec.json.Decoder(Answer)


def sendgrid_key() -> tuple[ec.EllipticCurvePrivateKey, str]:
    """Make a key pair; the public half is written as SendGrid shows it (base64 DER)."""
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private, base64.b64encode(public).decode()


def dressed(send: Send, keys: Keys, now: float) -> tuple[bytes, dict[str, str]]:
    """Return a send's body and headers with the proof its door asks for; `now` is when it is signed (s, UTC)."""
    headers = {"content-type": "application/json"}
    body = send.body
    if send.gpc:
        headers["sec-gpc"] = "1"
    match send.door:
        case Door.SEGMENT:
            headers["authorization"] = "Basic " + base64.b64encode(f"{keys.write_key}:".encode()).decode()
        case Door.GOOGLE:
            body = body[:-1] + b',"google_key":' + msgspec.json.encode(keys.google_key) + b"}"
        case Door.SENDGRID:
            stamp = str(int(now))
            signed = keys.sendgrid.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
            headers |= {STAMP: stamp, SIGNATURE: base64.b64encode(signed).decode()}
        case Door.CRM:
            headers["authorization"] = f"Bearer {keys.crm_key}"
    return body, headers


class Senders:
    """All senders together, at `rate` events a second (0 = as fast as they are answered)."""

    def __init__(self, url: str, keys: Keys, rate: float) -> None:
        self._url, self._keys, self._rate = url, keys, rate
        self._room = asyncio.Semaphore(AT_ONCE)

    async def play(self, sends: Iterable[Send], ledger: Ledger) -> None:
        """Send everything and return when all is answered or given up, as `ledger` says.

        Order is kept but for the few that are under way at once.
        """
        begun, sent = time.monotonic(), 0
        connector = aiohttp.TCPConnector(limit=AT_ONCE)
        timeout = aiohttp.ClientTimeout(total=30.0)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session, asyncio.TaskGroup() as group:
            for send in sends:
                if self._rate:
                    await asyncio.sleep(max(0.0, begun + sent / self._rate - time.monotonic()))
                await self._room.acquire()
                sent += len(send.ids)
                group.create_task(self._send(session, send, ledger))

    async def _send(self, session: aiohttp.ClientSession, send: Send, ledger: Ledger) -> None:
        try:
            ledger.post(send)
            await self._until_answered(session, send, ledger)
        finally:
            self._room.release()

    async def _until_answered(self, session: aiohttp.ClientSession, send: Send, ledger: Ledger) -> None:
        wait_s, deadline, why = FIRST_WAIT_S, time.monotonic() + PATIENCE_S, ""
        while time.monotonic() < deadline:
            body, headers = dressed(send, self._keys, time.time())
            pause_s = wait_s
            try:
                async with session.post(self._url + send.path, data=body, headers=headers) as answer:
                    said = await answer.read()
                    if answer.status not in LATER:
                        ledger.answer(send, problems(answer.status, said, len(send.ids)))
                        return
                    why, pause_s = f"HTTP {answer.status}", _retry_after(answer.headers.get("retry-after", ""), wait_s)
            except (aiohttp.ClientError, TimeoutError) as error:
                why = type(error).__name__
            ledger.retried += 1
            await asyncio.sleep(pause_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)
        ledger.give_up(send, why)


def problems(status: int, said: bytes, events: int) -> dict[int, str]:
    """Return which of a request's events were refused, by their places, and under which code."""
    try:
        answer = _answer.decode(said) if said else Answer()
    except msgspec.MsgspecError:
        answer = Answer()
    if status >= 400 and not answer.results:
        return dict.fromkeys(range(events), answer.code or f"http_{status}")
    return {problem.index: problem.reason for problem in answer.results}


def _retry_after(said: str, otherwise: float) -> float:
    return min(float(said), LONGEST_WAIT_S) if said.isdigit() else otherwise
