"""The compiled coder, where a C compiler was found at build time: the same bytes and the same verdicts, for less time.

`infra/native/avro.c` does what `schemas.reader` and `schemas.writer` do, and is told a record's shape by a plan.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from sys import intern
from typing import Any, NoReturn, get_type_hints

from schemas.reader import Read
from schemas.records import Record
from schemas.rejected import Reason, Rejected

try:
    from schemas import _avro
except ImportError:  # no compiler: Python does it
    AVAILABLE = False
else:
    AVAILABLE = True

Plan = tuple[Any, ...]
Write = Callable[[bytes, Record], bytes]  # the bytes that go before, and the record

PLAIN = {kind: (number,) for number, kind in enumerate(("boolean", "long", "double", "bytes", "string"))}
ENUM, OPTIONAL, ARRAY, MAP, RECORD = range(5, 10)


def coder(schema: Mapping[str, Any], kinds: Mapping[str, type[Record]]) -> tuple[Read, Write]:
    """Return what reads and what writes a record. Raises `TypeError` for an Avro type that we do not use."""
    made = _avro.Coder(_record(schema, kinds, {}), _unknown)
    return made.read, made.write


def _record(schema: Mapping[str, Any], kinds: Mapping[str, type[Record]], known: dict[str, Plan]) -> Plan:
    """Return the plan of a record; `known` are the plans of those that were met before, by name."""
    name, hints = schema["name"], get_type_hints(kinds[schema["name"]])
    plans = []
    for field in schema["fields"]:
        hint = hints[field["name"]]
        if isinstance(hint, type) and issubclass(hint, Enum):
            members = {str(member.value): member for member in hint}
            plans.append((ENUM, members, f"{name}.{field['name']}"))
        else:
            plans.append(_plan(field["type"], kinds, known))
    known[name] = (RECORD, kinds[name], tuple(intern(field["name"]) for field in schema["fields"]), tuple(plans))
    return known[name]


def _plan(kind: Any, kinds: Mapping[str, type[Record]], known: dict[str, Plan]) -> Plan:
    match kind:
        case ["null", some]:
            return OPTIONAL, _plan(some, kinds, known)
        case {"type": "array", "items": items}:
            return ARRAY, _plan(items, kinds, known)
        case {"type": "map", "values": values}:
            return MAP, _plan(values, kinds, known)
        case {"type": "record"}:
            return _record(kind, kinds, known)
        case str(name) if name in known:
            return known[name]
        case str(name) if name in PLAIN:
            return PLAIN[name]
    raise TypeError(f"schemas/avro: no plan for {kind}")


def _unknown(field: str) -> NoReturn:
    """Refuse a text that is no value of an enum."""
    raise Rejected(Reason.INVALID_VALUE, f"{field}: not a value that it has")
