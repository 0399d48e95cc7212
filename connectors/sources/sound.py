"""Reading a stranger's JSON without harm: every hazard ends as `Unsound`, and no message repeats a value."""

import json
import re
from typing import TypeVar

import msgspec

T = TypeVar("T")

DEPTH = 16
INT64 = range(-(1 << 63), 1 << 63)
LONG_NUMBER = re.compile(rb"\d{19}")
ID_NAMES = (b'"userId"', b'"anonymousId"', b'"messageId"', b'"lead_id"', b'"email"', b'"outcome_id"', b'"sg_event_id"')


class Unsound(ValueError):
    """The JSON cannot be used; `code` is stable, the text is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def parse(decoder: "msgspec.json.Decoder[T]", body: bytes) -> T:
    """Return the body as the decoder's type. Raises `Unsound`."""
    try:
        return decoder.decode(body)
    except RecursionError:
        raise Unsound("too_deep", f"JSON is nested deeper than {DEPTH} levels") from None
    except UnicodeDecodeError:
        raise Unsound("invalid_utf8", "JSON is not valid UTF-8") from None
    except msgspec.ValidationError as error:
        raise Unsound("invalid_value", str(error)) from None
    except msgspec.DecodeError as error:
        raise Unsound("invalid_json", str(error)) from None


_anything: "msgspec.json.Decoder[object]" = msgspec.json.Decoder()


def parse_event(body: bytes) -> dict[str, object]:
    """Return one event, an object that is safe to keep. Raises `Unsound`.

    Beyond what JSON forbids: deep nesting, integers that other readers would round, and an identifier given twice,
    of which other readers might take the other one. The checks look at the bytes first: most events pay nothing.
    """
    event = parse(_anything, body)
    if not isinstance(event, dict):
        raise Unsound("not_an_object", "an event is a JSON object")
    if body.count(b"{") + body.count(b"[") > DEPTH or LONG_NUMBER.search(body):
        _walk(event)
    if any(body.count(name) > 1 for name in ID_NAMES) and _repeats(body):
        raise Unsound("duplicate_key", "a key is given twice in one object")
    return event


def _walk(root: object) -> None:
    level: list[object] = [root]
    depth = 0
    while level:
        if any(type(item) is int and item not in INT64 for item in level):
            raise Unsound("huge_integer", "an integer does not fit 64 bits; send it as a string")
        inner = [item for item in level if isinstance(item, (dict, list))]
        depth += bool(inner)
        if depth > DEPTH:
            raise Unsound("too_deep", f"JSON is nested deeper than {DEPTH} levels")
        level = [child for item in inner for child in (item.values() if isinstance(item, dict) else item)]


def _repeats(body: bytes) -> bool:
    """Tell whether some object has one key twice: slow, so only asked where it is likely."""
    found = False

    def look(pairs: list[tuple[str, object]]) -> None:
        nonlocal found
        found = found or len({name for name, _ in pairs}) < len(pairs)

    json.loads(body, object_pairs_hook=look)
    return found


def cut(body: bytes, name: str) -> bytes:
    """Return valid JSON without the member `name` (a string): secrets that travel in the body are never stored.

    >>> cut(b'{"a":1,"writeKey":"s"}', "writeKey"), cut(b'{"writeKey": "s", "a":1}', "writeKey")
    (b'{"a":1}', b'{ "a":1}')
    """
    quoted = b'"' + name.encode() + b'"'
    if quoted not in body:
        return body
    member = re.escape(quoted) + rb'\s*:\s*"(?:[^"\\]|\\.)*"'
    return re.sub(rb"\s*,\s*" + member + rb"|" + member + rb"\s*,?", b"", body)
