"""Functions made from Avro schemas: plain Python source, compiled once, at start (see `schemas.writer`, `.reader`).

A general Avro library asks of every value what it is, and goes by way of dictionaries. A schema knows beforehand:
source made from it takes a record's fields one after the other, straight to bytes and straight back.
"""

from collections.abc import Iterable
from struct import Struct
from typing import Any

Lines = list[str]
Scope = dict[str, Any]


def define(function: str, parameters: str, body: Iterable[str], scope: Scope) -> str:
    """Compile a function into `scope`; return its name."""
    source = "\n".join([f"def {function}({parameters}):", *indented(body)])
    exec(compile(source, f"<schemas/avro: {function}>", "exec"), scope)  # noqa: S102 - of our own schemas alone
    return function


def indented(lines: Iterable[str]) -> Lines:
    """Return lines one level deeper."""
    return [f"    {line}" for line in lines]


def doubles(count: int) -> Struct:
    """Return what packs and unpacks `count` doubles in a row, as Avro lays them: eight bytes each, little-endian."""
    return Struct(f"<{count}d")
