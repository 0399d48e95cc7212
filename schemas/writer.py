"""Writers: source that appends a record's Avro to a buffer, made from the record's schema. Any library can read it."""

from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Any, cast

from schemas.records import Record
from schemas.source import Lines, Scope, define, doubles, indented

Write = Callable[[bytearray, Record], None]

ONE_BYTE = tuple(bytes([value << 1]) for value in range(64))  # the longs from 0 on that take one byte
LONG = "out += ONE_BYTE[n] if 0 <= n < 64 else long(n)"
SIZED = ["n = len(raw)", LONG, "out += raw"]


def writer(schema: Mapping[str, Any]) -> Write:
    """Return `write(out, record)` for a record's schema. Raises `TypeError` for an Avro type that we do not use."""
    scope: Scope = {"ONE_BYTE": ONE_BYTE, "long": long}
    return cast("Write", scope[_record(schema, scope)])


def long(value: int) -> bytes:
    r"""Return a long as Avro has it: zigzag, seven bits to a byte, lowest first. Raises `OverflowError` over 64 bits.

    >>> long(-1), long(64)
    (b'\x01', b'\x80\x01')
    """
    rest = value << 1 ^ value >> 63
    if rest >> 64:
        raise OverflowError("an Avro long has 64 bits")
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def _record(schema: Mapping[str, Any], scope: Scope) -> str:
    """Define the function that writes a record; return its name. Doubles that stand together are packed together."""
    body: Lines = []
    for together, run in groupby(schema["fields"], lambda field: field["type"] == "double"):
        fields = [(field["type"], f"r.{field['name']}") for field in run]
        if together:
            scope[f"pack{len(fields)}"] = doubles(len(fields)).pack
            body.append(f"out += pack{len(fields)}({', '.join(value for _, value in fields)})")
        else:
            body += [line for kind, value in fields for line in _value(kind, value, scope)]
    return define(f"write_{schema['name']}", "out, r", body, scope)


def _value(kind: Any, value: str, scope: Scope) -> Lines:
    """Return the source that writes a value of an Avro type; `value` is the expression that gives it."""
    match kind:
        case ["null", some]:
            written = indented(_value(some, "some", scope))
            return [f"if (some := {value}) is None:", "    out.append(0)", "else:", "    out.append(2)", *written]
        case {"type": "array", "items": items}:
            return _block(value, "item", "many", _value(items, "item", scope))
        case {"type": "map", "values": values}:
            written = [*_plain("string", "key", scope), *_value(values, "item", scope)]
            return _block(value, "key, item", "many.items()", written)
        case {"type": "record"}:
            return [f"{_record(kind, scope)}(out, {value})"]
        case str(name) if f"write_{name}" in scope:
            return [f"write_{name}(out, {value})"]
        case _:
            return _plain(kind, value, scope)


def _plain(kind: object, value: str, scope: Scope) -> Lines:
    """Return the source that writes a value that has no parts."""
    match kind:
        case "boolean":
            return [f"out.append(1 if {value} else 0)"]
        case "long":
            return [f"n = {value}", LONG]
        case "double":
            scope["pack1"] = doubles(1).pack
            return [f"out += pack1({value})"]
        case "bytes":
            return [f"raw = {value}", *SIZED]
        case "string":  # many are empty
            return [f"if text := {value}:", *indented(["raw = text.encode()", *SIZED]), "else:", "    out.append(0)"]
        case _:
            raise TypeError(f"schemas/avro: no writer for {kind}")


def _block(value: str, each: str, source: str, written: Lines) -> Lines:
    """Return the source that writes an array or a map: one block with its count, unless empty, then a zero."""
    loop = ["n = len(many)", LONG, f"for {each} in {source}:", *indented(written)]
    return [f"if many := {value}:", *indented(loop), "out.append(0)"]
