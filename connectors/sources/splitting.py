"""A request's body as events, each in its sender's bytes: one object, an array of them, either."""

from urllib.parse import parse_qsl

import msgspec
from msgspec import Raw

from connectors.sources.contract import PARTS, Refused, Request
from connectors.sources.reading import hashed
from connectors.sources.sound import SIGNED, Unsound, parse, parse_event

_array = msgspec.json.Decoder(list[Raw])


def array(body: bytes) -> list[bytes]:
    """Return the items of a JSON array, unread. Raises `Refused`."""
    try:
        items = parse(_array, body)
    except Unsound as error:
        raise Refused(400, error.code, str(error)) from None
    if len(items) > PARTS:  # before each is looked at: that takes its time
        raise Refused(413, "too_many", f"a request may hold {PARTS} events")
    return [bytes(item) for item in items]


def objects(body: bytes) -> list[bytes]:
    """Return the items of an array, or the one object that stands alone. Raises `Refused`."""
    if body.lstrip()[:1] == b"[":
        return array(body)
    one(body)
    return [body]


def one(body: bytes) -> dict[str, object]:
    """Return the one event that a body is. Raises `Refused`."""
    try:
        return parse_event(body, SIGNED)
    except Unsound as error:
        raise Refused(400, error.code, str(error)) from None


def readable(body: bytes) -> dict[str, object]:
    """Return one event, empty when it cannot be read.

    Senders that sign repeat for hours what they get no 2xx for: what is theirs is kept, and buried by the pipeline.
    """
    try:
        return parse_event(body, SIGNED)
    except Unsound:
        return {}


def query_of(request: Request) -> dict[str, str]:
    """Return the fields of a request's query. Raises `Refused` when they are too many."""
    try:
        return dict(parse_qsl(request.query, max_num_fields=20))
    except ValueError:
        raise Refused(400, "invalid_query", "a query holds at most 20 fields") from None


def within(value: object, *names: str) -> object:
    """Return what lies at the end of a path of names, None where it breaks off.

    >>> within({"a": {"b": 1}}, "a", "b"), within({"a": []}, "a", "b")
    (1, None)
    """
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def composed(*parts: str) -> str:
    """Return an event id made of what tells one event from another, where the sender gives no id of its own."""
    return hashed("\0".join(parts).encode(errors="surrogatepass"))
