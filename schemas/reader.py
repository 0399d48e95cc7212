"""Readers: source that makes a record straight from its Avro, whoever wrote it, made from the record's schema.

What is read may be anything: sizes and counts are bounded by the bytes there are (nothing is allocated before its bytes
are seen, every item takes at least one), and positions only grow.
"""

import struct
from collections.abc import Callable, Mapping
from enum import Enum
from itertools import groupby
from typing import Any, NoReturn, cast, get_type_hints

from schemas.records import Record
from schemas.rejected import Reason, Rejected
from schemas.source import Lines, Scope, define, doubles, indented

Read = Callable[[bytes, int], tuple[Record, int]]

MALFORMED = (IndexError, OverflowError, ValueError, struct.error)  # what bytes raise that are no such record
BOOLEANS = (False, True)
UNUSUAL = 0x81  # a first byte with one of these bits begins a long that is negative, or takes more bytes


def reader(schema: Mapping[str, Any], kinds: Mapping[str, type[Record]]) -> Read:
    """Return `read(b, p)` for a record's schema: the record that begins at `p` of the bytes `b`, and where it ends.

    It raises one of `MALFORMED`, or `Rejected(INVALID_VALUE)` for a value that an enum of ours does not have. An end
    beyond the bytes is for the caller to refuse: the last text is cut short then. Raises `TypeError` itself, for an
    Avro type that we do not use.
    """
    scope: Scope = {
        "BOOLEANS": BOOLEANS,
        "long_at": long_at,
        "size_at": size_at,
        "count_at": count_at,
        "unknown": unknown,
    }
    scope |= kinds
    return cast("Read", scope[_record(schema, scope)])


def long_at(b: bytes, p: int) -> tuple[int, int]:
    """Return the long that begins at `p`, and where it ends. Raises `ValueError` over 64 bits, `IndexError`."""
    rest = shift = 0
    while (byte := b[p]) > 0x7F:
        rest |= (byte & 0x7F) << shift
        shift += 7
        p += 1
        if shift > 63:
            raise ValueError("a long of more than ten bytes")
    rest |= byte << shift
    if rest >> 64:
        raise ValueError("an Avro long has 64 bits")
    return (rest >> 1) ^ -(rest & 1), p + 1


def size_at(b: bytes, p: int) -> tuple[int, int]:
    """Return the size of a text or of bytes, and where it ends. Raises `ValueError` when negative: no way back."""
    size, p = long_at(b, p)
    if size < 0:
        raise ValueError("a negative size")
    return size, p


def count_at(b: bytes, p: int) -> tuple[int, int]:
    """Return how many items a block has, and where they begin. A negative count has the block's size after it."""
    count, p = long_at(b, p)
    return (count, p) if count >= 0 else (-count, long_at(b, p)[1])


def unknown(b: bytes, end: int, field: str) -> NoReturn:
    """Refuse a text that is no value of an enum, unless it is only cut short."""
    if end > len(b):
        raise IndexError(end)
    raise Rejected(Reason.INVALID_VALUE, f"{field}: not a value that it has")


def _record(schema: Mapping[str, Any], scope: Scope) -> str:
    """Define the function that reads a record; return its name. Doubles that stand together are unpacked together."""
    name = schema["name"]
    hints = get_type_hints(scope[name])
    body: Lines = []
    for together, run in groupby(schema["fields"], lambda field: field["type"] == "double"):
        fields = list(run)
        if together:
            body += _doubles([f"_{field['name']}" for field in fields], scope)
            continue
        for field in fields:
            hint = hints[field["name"]]
            if isinstance(hint, type) and issubclass(hint, Enum):
                body += _member(hint, f"_{field['name']}", f"{name}.{field['name']}", scope)
            else:
                body += _value(field["type"], f"_{field['name']}", scope)
    given = ", ".join(f"{field['name']}=_{field['name']}" for field in schema["fields"])
    return define(f"read_{name}", "b, p", [*body, f"return {name}({given}), p"], scope)


def _value(kind: Any, to: str, scope: Scope) -> Lines:
    """Return the source that reads a value of an Avro type into the variable `to`."""
    match kind:
        case ["null", some]:
            none = [f"{to} = None", "if n:", "    raise ValueError('no such branch')"]
            return ["n = b[p]", "p += 1", "if n == 2:", *indented(_value(some, to, scope)), "else:", *indented(none)]
        case {"type": "array", "items": items}:
            return [f"{to} = []", *_blocks([*_value(items, f"{to}_item", scope), f"{to}.append({to}_item)"])]
        case {"type": "map", "values": values}:
            read = [*_plain("string", f"{to}_key", scope), *_value(values, f"{to}_item", scope)]
            return [f"{to} = {{}}", *_blocks([*read, f"{to}[{to}_key] = {to}_item"])]
        case {"type": "record"}:
            return [f"{to}, p = {_record(kind, scope)}(b, p)"]
        case str(name) if f"read_{name}" in scope:
            return [f"{to}, p = read_{name}(b, p)"]
        case _:
            return _plain(kind, to, scope)


def _plain(kind: object, to: str, scope: Scope) -> Lines:
    """Return the source that reads a value that has no parts."""
    match kind:
        case "boolean":
            return [f"{to} = BOOLEANS[b[p]]", "p += 1"]
        case "long":
            one_byte = [f"{to} = {to} >> 1 ^ -({to} & 1)", "p += 1"]
            return [f"if ({to} := b[p]) < 128:", *indented(one_byte), "else:", f"    {to}, p = long_at(b, p)"]
        case "double":
            return _doubles([to], scope)
        case "bytes":
            return [*_number("size_at"), "end = p + n", f"{to} = b[p:end]", "p = end"]
        case "string":  # many are empty
            return [
                *_number("size_at"),
                "if n:",
                f"    {to} = b[p:p + n].decode()",
                "    p += n",
                "else:",
                f"    {to} = ''",
            ]
        case _:
            raise TypeError(f"schemas/avro: no reader for {kind}")


def _doubles(to: Lines, scope: Scope) -> Lines:
    """Return the source that reads doubles into variables."""
    scope[f"unpack{len(to)}"] = doubles(len(to)).unpack_from
    return [f"{', '.join(to)}, = unpack{len(to)}(b, p)", f"p += {8 * len(to)}"]


def _member(enum: type[Enum], to: str, field: str, scope: Scope) -> Lines:
    """Return the source that reads an enum's member: one dictionary for all of its texts, and no text is made."""
    scope[enum.__name__] = {str(member.value).encode(): member for member in enum}
    found = f"{to} = {enum.__name__}.get(b[p:end]) or unknown(b, end, '{field}')"
    return [*_number("size_at"), "end = p + n", found, "p = end"]


def _blocks(read: Lines) -> Lines:
    """Return the source that reads an array's or a map's blocks, up to the zero behind them."""
    return ["while b[p]:", *indented([*_number("count_at"), "for _ in range(n):", *indented(read)]), "p += 1"]


def _number(at: str) -> Lines:
    """Return the source that reads a size or a count into `n`; `at` does it when it is no small one."""
    return ["n = b[p]", f"if n & {UNUSUAL}:", f"    n, p = {at}(b, p)", "else:", "    n >>= 1", "    p += 1"]
