"""What a source is: who may send (`verify`), which events a request holds (`split`), what an event says (`adapt`)."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol, runtime_checkable

from connectors.settings import CollectorSettings
from schemas.records import Channel, RawEvent
from schemas.sighting import Sighting

JSON_TYPES = ("application/json", "text/plain")
PARTS = 10_000  # of a request; SendGrid's largest batch has a third of them


class Request(NamedTuple):
    """An HTTP request as a source sees it: header names in lower case, the body untouched (already decompressed).

    `query` is what stands behind the `?`, as it came.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    received_at: float
    query: str = ""


class Reply(NamedTuple):
    """An answer in the words of a source's own protocol; `cookie` is a Set-Cookie value."""

    status: int
    body: bytes
    content_type: str = "application/json"
    cookie: str = ""


class Part(NamedTuple):
    """One event of a request, still in its sender's bytes.

    `event_id` is the sender's dedupe id, or a hash of the bytes; `key` the pseudonymous partition key. `envelope` is
    JSON: what the request says of all its parts (a Segment batch's `sentAt`). `problem` and `advice` say why this part
    is refused ("" = accepted): the parts beside it are accepted all the same. `notice` marks what only says that there
    is something to fetch: it is kept on the topic `notices`, and the fetcher writes the event that it finds. An
    `anonymous` part is kept without its sender's address. `ignored` says why a part is acknowledged without being kept
    ("" = kept): it is counted, and that is all.
    """

    event_id: str
    endpoint: str
    key: str
    body: bytes
    envelope: bytes = b""
    problem: str = ""
    advice: str = ""
    notice: bool = False
    anonymous: bool = False
    ignored: str = ""


class Refused(Exception):
    """The request is turned away: an HTTP status (4xx), a stable code and a sentence for whoever set the sender up."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Door(Protocol):
    """Who may send here, and which events a request holds.

    `types` are the content types it sends; `thanks` is the answer's body when one event was sent and accepted.
    """

    name: str
    channel: Channel
    paths: tuple[str, ...]
    types: tuple[str, ...]
    thanks: bytes

    def __init__(self, settings: CollectorSettings) -> None: ...

    def verify(self, request: Request) -> None:
        """Raise `Refused` unless the sender is who they say: raw bytes, constant time; no secret set = refuse."""

    def split(self, request: Request) -> list[Part]:
        """Return the request's events, each in its own bytes. Raises `Refused` when there is nothing to make out."""
        ...


class Source(Door, Protocol):
    """One kind of sender: its door, and what its events say."""

    @staticmethod
    def adapt(raw: RawEvent) -> Sighting:
        """Return what the event says. Pure; no settings. Raises `schemas.rejected.Rejected`."""
        ...


@runtime_checkable
class Asked(Protocol):
    """A source whose sender asks a question with GET before it sends: a handshake."""

    def answer(self, request: Request) -> Reply:
        """Return the answer. Raises `Refused`."""
        ...


@runtime_checkable
class Thankful(Protocol):
    """A source whose senders expect another answer than the common one when events are stored."""

    def thank(self, request: Request, parts: list[Part]) -> Reply:
        """Return the answer; each part's `problem` says whether it was kept."""
        ...


@runtime_checkable
class Pixel(Protocol):
    """A source that also takes events with GET, in the query, on the paths `pixels`."""

    pixels: tuple[str, ...]


@runtime_checkable
class Keyed(Protocol):
    """A source of many senders, of whom not the `Authorization` header alone tells which one it is."""

    def sender(self, request: Request) -> str:
        """Return who sends a request that is verified."""
        ...
