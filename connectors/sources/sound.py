"""Reading a stranger's JSON without harm: every hazard ends as `Unsound`, and no message repeats a value."""

import json
import re
from typing import NamedTuple, TypeVar

import msgspec

T = TypeVar("T")

DEPTH = 16
INT64 = range(-(1 << 63), 1 << 63)
DIGITS = bytes.maketrans(b"123456789", b"000000000")
LONG_NUMBER = b"0" * 19


class Limits(NamedTuple):
    """How many keys an event may hold in all its objects together, and how many bytes a string or a key."""

    keys: int
    string: int


PUBLIC = Limits(keys=512, string=8_192)  # anybody may send under a web page's key
SIGNED = Limits(keys=1 << 20, string=1 << 20)  # a form may have many fields: a body's own size is limit enough


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
_encode = msgspec.json.Encoder().encode


def parse_event(body: bytes, limits: Limits = PUBLIC) -> dict[str, object]:
    """Return one event, an object that is safe to keep. Raises `Unsound`.

    Beyond what JSON forbids: deep nesting, more than the limits, integers that other readers would round, and a key
    given twice in one object, of which other readers might take the other one. The checks look at the bytes first:
    most events pay nothing.
    """
    event = parse(_anything, body)
    if not isinstance(event, dict):
        raise Unsound("not_an_object", "an event is a JSON object")
    if (
        body.count(b"{") + body.count(b"[") > DEPTH
        or body.count(b":") > limits.keys
        or len(body) > limits.string
        or LONG_NUMBER in body.translate(DIGITS)
    ):
        _walk(event, limits)
    # Every key and string stands in two quotation marks. A key that was there twice is not there in what was read.
    if (b"\\" in body or body.count(b'"') != _encode(event).count(b'"')) and repeats(body):
        raise Unsound("duplicate_key", "a key is given twice in one object")
    return event


def _walk(root: object, limits: Limits) -> None:
    level: list[object] = [root]
    depth = keys = 0
    while level:
        if any(type(item) is int and item not in INT64 for item in level):
            raise Unsound("huge_integer", "an integer does not fit 64 bits; send it as a string")
        inner = [item for item in level if isinstance(item, (dict, list))]
        depth += bool(inner)
        if depth > DEPTH:
            raise Unsound("too_deep", f"JSON is nested deeper than {DEPTH} levels")
        names = [name for item in inner if isinstance(item, dict) for name in item]
        keys += len(names)
        if keys > limits.keys:
            raise Unsound("too_many_keys", f"an event holds more than {limits.keys} keys")
        if any(_long(text, limits.string) for text in (*names, *level)):
            raise Unsound("string_too_long", f"a string or key holds more than {limits.string} bytes")
        level = [child for item in inner for child in (item.values() if isinstance(item, dict) else item)]


def _long(value: object, most: int) -> bool:
    """Tell whether a value is a string of more bytes in UTF-8; a character is four of them at most."""
    return isinstance(value, str) and 4 * len(value) > most and len(value.encode()) > most


def repeats(body: bytes, *, top: bool = False) -> bool:
    """Tell whether some object has one key twice, or only the outermost (`top`); slow. Raises `Unsound`."""
    found = False

    def look(pairs: list[tuple[str, object]]) -> None:
        nonlocal found
        twice = len({name for name, _ in pairs}) < len(pairs)
        found = twice if top else found or twice  # the outermost object is the last one

    try:
        json.loads(body, object_pairs_hook=look)
    except RecursionError:
        raise Unsound("too_deep", f"JSON is nested deeper than {DEPTH} levels") from None
    except ValueError:  # an integer of more digits than Python reads
        raise Unsound("huge_integer", "an integer does not fit 64 bits; send it as a string") from None
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
