"""One example of every record in every version: schemas/examples/<Record>/<schema id>.json, its bytes and its fields.

`python -m tests.examples` writes the examples that are missing. It never touches one that is there: they are what
yesterday's producers wrote.
"""

import json
import types
import typing
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

from schemas.codec import Codec
from schemas.records import Record
from schemas.registry import RECORDS, FileRegistry

EXAMPLES = Path(__file__).parents[1] / "schemas" / "examples"


def example(name: str) -> Record:
    """Return a record whose every field has a value."""
    return _record(RECORDS[name])


def wired(path: Path) -> tuple[bytes, Record]:
    """Return an example's bytes on the wire, and the record that they are."""
    found = json.loads(path.read_text())
    return bytes.fromhex(found["wire"]), msgspec.convert(found["record"], RECORDS[path.parent.name])


def main() -> None:
    """Write what is missing."""
    registry = FileRegistry()
    codec = Codec(registry)
    for name, ids in registry.records().items():
        path = EXAMPLES / name / f"{ids[-1]}.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            record = example(name)
            shown = {"record": msgspec.to_builtins(record), "wire": codec.encode(record).hex()}
            path.write_text(json.dumps(shown, indent=2) + "\n")


def _record(kind: type[Record]) -> Record:
    hints = typing.get_type_hints(kind)
    return kind(**{field.name: _value(field.name, hints[field.name]) for field in msgspec.structs.fields(kind)})


def _value(name: str, hint: Any) -> Any:
    if isinstance(hint, type) and issubclass(hint, Enum):
        return next(iter(hint))
    if isinstance(hint, type) and issubclass(hint, Record):
        return _record(hint)
    simple: dict[Any, Any] = {str: name, bool: True, int: 7, float: 0.5, bytes: b"\x00\xff"}
    if hint in simple:
        return simple[hint]
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is list:
        return [_value(name, parts[0])]
    if origin is dict:
        return {name: _value(name, parts[1])}
    assert origin in (typing.Union, types.UnionType), hint
    return _value(name, next(part for part in parts if part is not types.NoneType))


if __name__ == "__main__":
    main()
