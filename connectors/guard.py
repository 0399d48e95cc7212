"""What a connection may cost before and after it is a request: time, bytes and company.

The HTTP server waits for a request's head for ever, for the rest of one that is answered already too, and takes any
number of connections from one address. Here a head has a time to arrive and a size, what is no body within a body has
that size, and an address a number of connections, as all of them have; all else is the server's.
"""

import asyncio
from collections import Counter
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from connectors.http import BEGUN, DISCARD_S, Receive, Scope, Send, respond, trouble

HEAD_BYTES = 65_536  # the collector itself refuses headers beyond 16 KiB, and can say so up to here
LATE = (b"408 Request Timeout", b"the head of a request took too long")
LONG = (b"431 Request Header Fields Too Large", b"the head of a request, or what stands around its body, is too long")
MANY = (b"503 Service Unavailable", b"too many connections from this address")  # 4xx: some senders give up
LATER = ((b"retry-after", b"2"), (b"connection", b"close"))
BUSY = trouble(503, "too_many_connections", "come back later, or ask another collector", LATER)
READ_S = 10.0  # an answer that is long enough to fill our buffers is read on within that time
ALIVE = b"/healthz"  # answered however busy we are: a restart would mend nothing


def guarded(head_s: float, per_address: int, most: int) -> type["Guarded"]:
    """Return the server's protocol: `head_s` seconds for a head, `per_address` and `most` connections at once."""
    limits = {"head_s": head_s, "per_address": per_address, "most": most, "held": Counter()}
    return type("Guarded", (Guarded,), limits)


async def busy(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - what an application is given
    """Answer a request on a connection too many."""
    await respond(send, BUSY)


class Guarded(HttpToolsProtocol):
    """One connection; `held` counts those of each address."""

    head_s: ClassVar[float]
    per_address: ClassVar[int]
    most: ClassVar[int]
    held: ClassVar[Counter[str]]

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._timer: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._read, self._address = 0, ""  # bytes of a head, or since the last ones of a body
        self._in_head, self._whole = True, True
        self._served = self.app

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin with the head of the first request, unless the address has too many connections."""
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""
        self.held[self._address] += 1
        if self.held[self._address] > self.per_address:
            self._end(*MANY)
        else:
            self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._done()
        self._reading()
        self.held[self._address] -= 1
        if self.held[self._address] <= 0:
            del self.held[self._address]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless a head, or what is around a body, has become too long."""
        if self.transport.is_closing():
            return
        self._read += len(data)
        if self._in_head and self._read > HEAD_BYTES and b"\r\n\r\n" not in data:
            self._end(*LONG)
            return
        super().data_received(data)
        if not self._whole and not self._in_head and self._read > HEAD_BYTES:
            self._go() if self.cycle.response_started else self._end(*LONG)
        elif self._whole and self._timer is None and self.cycle.response_complete:
            self._begin()  # an empty line begins no request, and has ended the server's own waiting for one

    def on_message_begin(self) -> None:
        """Begin with the head of a further request."""
        if self._timer is None:
            self._begin()
        self._in_head, self._whole = True, False
        self._read = max(self._read, 1)  # what has begun it was read before we began to count
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Be done with a head; let nobody in who is one too many. What comes behind a body is no header any more."""
        self._done()
        self._in_head, self._read = False, 0
        over = len(self.connections) > self.most and self.url != ALIVE
        self.app = busy if over else self._served
        super().on_headers_complete()
        self.headers = []

    def on_body(self, body: bytes) -> None:
        """Tell the application that the body has begun: what it reads next is there."""
        self._read = 0
        self.scope[BEGUN] = True  # type: ignore[literal-required]  # a key of ours
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Be done with a request."""
        self._done()
        self._whole, self._read = True, 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Let a sender that is answered already finish soon, or go."""
        super().on_response_complete()
        if not self._whole and self.cycle.response_complete and not self.transport.is_closing():
            self._done()
            self._timer = self.loop.call_later(DISCARD_S, self._go)

    def pause_writing(self) -> None:
        """Give whoever does not read their answer a moment: it is our memory that it lies in."""
        self._unread = self._unread or self.loop.call_later(READ_S, self.transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        """Be content with a reader."""
        self._reading()
        super().resume_writing()

    def _reading(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _begin(self) -> None:
        self._read = 0
        self._timer = self.loop.call_later(self.head_s, self._late)

    def _done(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self, status: bytes, message: bytes) -> None:
        self._done()
        if not self.transport.is_closing():
            head = b"content-type: text/plain\r\ncontent-length: %d\r\nretry-after: 2\r\nconnection: close" % len(
                message
            )
            self.transport.write(b"HTTP/1.1 %b\r\n%b\r\n\r\n%b" % (status, head, message))
            self.transport.close()

    def _late(self) -> None:
        """Let go of a connection: without a word when no head has begun, since our answer might cross it."""
        if self._read:
            self._end(*LATE)
        else:
            self._go()

    def _go(self) -> None:
        self._done()
        self.transport.close()
