"""The little of HTTP that the collector needs, straight on ASGI: reading a body within limits, answering."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple

import msgspec

from connectors.limits import HEADER_BYTES, check_type, inflate
from connectors.settings import CollectorSettings
from connectors.sources.contract import Refused

Scope = MutableMapping[str, Any]  # ASGI's own shape
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

DISCARD_BYTES = 8 << 20
DISCARD_S = 2.0
GRACE_S = 2.0  # a body's first bytes may take that long, whatever the rate
BEGUN = "leadstream.begun"  # in a scope: some of the body is there
JSON: Headers = ((b"content-type", b"application/json"),)


class Answer(NamedTuple):
    """A response."""

    status: int
    body: bytes = b""
    headers: Headers = JSON


def trouble(status: int, code: str, message: str, headers: Headers = ()) -> Answer:
    """Return the error body that all routes share: a code for programs, a sentence for people."""
    body = {"success": False, "code": code, "message": message}
    return Answer(status, msgspec.json.encode(body), JSON + headers)


async def respond(send: Send, answer: Answer, also: Headers = ()) -> None:
    """Send a response."""
    length = (b"content-length", b"%d" % len(answer.body))
    await send({"type": "http.response.start", "status": answer.status, "headers": [*answer.headers, *also, length]})
    await send({"type": "http.response.body", "body": answer.body})


def headers_of(scope: Scope) -> dict[str, str]:
    """Return the request's headers. Raises `Refused` when they are more than we read."""
    pairs = scope["headers"]
    if sum(len(name) + len(value) for name, value in pairs) > HEADER_BYTES:
        raise Refused(431, "headers_too_large", f"headers may hold {HEADER_BYTES} bytes")
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in pairs}


async def body_of(
    receive: Receive, headers: dict[str, str], settings: CollectorSettings, types: tuple[str, ...], *, begun: bool
) -> bytes:
    """Return the request's body, decompressed. Raises `Refused`: 400, 408, 413, 415.

    `begun` = some of it is there: then nobody has to look at the clock for it, which costs time itself.
    """
    check_type(headers.get("content-type", ""), types)
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > settings.body_bytes:
        await _discard(receive)
        raise _too_large(settings)
    try:
        if begun:
            message = await receive()
        else:
            async with asyncio.timeout(due_s(0, settings)):
                message = await receive()
        body = _piece(message)
        if message.get("more_body"):
            body = await _rest(receive, body, settings)
    except TimeoutError:
        most, rate = settings.body_timeout_s, settings.body_rate
        advice = f"a body has {most:g} s to arrive, and comes at {rate} bytes a second or faster"
        raise Refused(408, "too_slow", advice) from None
    if len(body) > settings.body_bytes:
        raise _too_large(settings)
    return inflate(body, headers.get("content-encoding", "").strip().lower(), settings.inflated_bytes)


def due_s(length: int, settings: CollectorSettings) -> float:
    """Return when the next bytes of a body are due of which `length` have come, in seconds since it began."""
    by_rate = GRACE_S + length / settings.body_rate if settings.body_rate else settings.body_timeout_s
    return min(settings.body_timeout_s, by_rate)


async def _rest(receive: Receive, begun: bytes, settings: CollectorSettings) -> bytes:
    pieces, length = [begun], len(begun)
    began = asyncio.get_running_loop().time()
    async with asyncio.timeout_at(began + due_s(length, settings)) as limit:
        while length <= settings.body_bytes:
            message = await receive()
            pieces.append(_piece(message))
            length += len(pieces[-1])
            if not message.get("more_body"):
                break
            limit.reschedule(began + due_s(length, settings))
    return b"".join(pieces)


def _piece(message: MutableMapping[str, Any]) -> bytes:
    if message["type"] == "http.disconnect":
        raise Refused(400, "cut_off", "the connection ended before the body did")
    found: bytes = message.get("body", b"")
    return found


async def _discard(receive: Receive) -> None:
    """Let a sender finish, within bounds: one whose connection breaks while it sends never sees why it is refused."""
    length, more = 0, True
    try:
        async with asyncio.timeout(DISCARD_S):
            while more and length < DISCARD_BYTES:
                message = await receive()
                length += len(message.get("body", b""))
                more = bool(message.get("more_body"))
    except TimeoutError:
        return


def _too_large(settings: CollectorSettings) -> Refused:
    return Refused(413, "too_large", f"a body may hold {settings.body_bytes} bytes")
