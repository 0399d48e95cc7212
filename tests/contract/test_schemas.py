"""A record, its schema, its id and its examples say the same thing, today and tomorrow."""

import json
import types
import typing
from enum import Enum
from pathlib import Path
from typing import Any

import fastavro
import fastavro.schema
import msgspec
import pytest

from schemas.codec import Codec
from schemas.records import Record
from schemas.registry import RECORDS, FileRegistry, Schema, UnknownSchema, current
from schemas.rejected import Reason, Rejected
from schemas.topics import TOPICS
from tests.examples import EXAMPLES, example, wired

PINNED: dict[str, dict[str, str]] = json.loads((Path(__file__).parents[2] / "schemas" / "ids.json").read_text())
TRAVELLING = sorted(PINNED)
CODEC = Codec(FileRegistry())
SIMPLE = {str: "string", bool: "boolean", int: "long", float: "double", bytes: "bytes"}


def avro(hint: Any, seen: set[str]) -> Any:
    """Return the Avro type that a field's Python type stands for."""
    if hint in SIMPLE:
        return SIMPLE[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return "string"
    if isinstance(hint, type) and issubclass(hint, Record):
        return fields(hint, seen)
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is list:
        return {"array": avro(parts[0], seen)}
    if origin is dict:
        return {"map": avro(parts[1], seen)}
    assert origin in (typing.Union, types.UnionType), hint
    return ["null", avro(next(part for part in parts if part is not types.NoneType), seen)]


def fields(kind: type[Record], seen: set[str]) -> Any:
    """Return a record's fields with their types; its name alone when they were given before."""
    if kind.__name__ in seen:
        return kind.__name__
    seen.add(kind.__name__)
    hints = typing.get_type_hints(kind)
    return {field.name: avro(hints[field.name], seen) for field in msgspec.structs.fields(kind)}


def shape(schema: Any) -> Any:
    """Return an Avro schema in the form that `avro` gives."""
    if isinstance(schema, list):
        return ["null", shape(schema[1])]
    if not isinstance(schema, dict):
        return schema
    if schema["type"] == "record":
        return {field["name"]: shape(field["type"]) for field in schema["fields"]}
    if schema["type"] in ("array", "map"):
        return {schema["type"]: shape(schema["items" if schema["type"] == "array" else "values"])}
    return schema["type"]


def defaults(schema: Schema) -> dict[str, Any]:
    return {field["name"]: field["default"] for field in schema["fields"] if "default" in field}


def plain(value: Any) -> Any:
    return "" if value == b"" else value


@pytest.mark.parametrize("name", TRAVELLING)
def test_record_and_schema_have_the_same_fields_and_types(name: str) -> None:
    assert shape(current(name)) == fields(RECORDS[name], set())


@pytest.mark.parametrize("name", TRAVELLING)
def test_record_and_schema_have_the_same_defaults(name: str) -> None:
    found = {}
    for field in msgspec.structs.fields(RECORDS[name]):
        if field.default is not msgspec.NODEFAULT:
            found[field.name] = plain(field.default)
        elif field.default_factory is not msgspec.NODEFAULT:
            found[field.name] = field.default_factory()
    assert defaults(current(name)) == found


@pytest.mark.parametrize("name", TRAVELLING)
def test_a_changed_schema_has_a_new_id(name: str) -> None:
    canonical = fastavro.schema.to_parsing_canonical_form(current(name))
    fingerprint = fastavro.schema.fingerprint(canonical, "CRC-64-AVRO")
    assert list(PINNED[name].values())[-1] == fingerprint, (
        f"{name}.avsc has changed: keep its former text as schemas/avro/past/{list(PINNED[name])[-1]}.avsc and add the "
        f"next free id with fingerprint {fingerprint} to schemas/ids.json"
    )


def test_ids_are_unique_and_every_travelling_record_has_one() -> None:
    ids = [id_ for of in PINNED.values() for id_ in of]
    assert len(ids) == len(set(ids))
    assert {kind.__name__ for topic in TOPICS for kind in topic.records} <= set(PINNED)


@pytest.mark.parametrize("name", TRAVELLING)
def test_every_version_of_a_record_has_an_example(name: str) -> None:
    assert {path.stem for path in (EXAMPLES / name).glob("*.json")} == set(PINNED[name])


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/*.json")), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_yesterdays_examples_decode_with_todays_schema(path: Path) -> None:
    kind = RECORDS[path.parent.name]
    wire, due = wired(path)
    assert int.from_bytes(wire[1:5], "big") == int(path.stem)
    assert CODEC.decode(wire, (kind,)) == due


@pytest.mark.parametrize("name", TRAVELLING)
def test_bytes_written_before_a_field_was_added_get_its_default(name: str) -> None:
    schema = current(name)
    added = [field["name"] for field in schema["fields"] if "default" in field]
    if not added:
        pytest.skip("every field has been there from the start")
    older = {**schema, "fields": [field for field in schema["fields"] if field["name"] != added[-1]]}
    record = example(name)
    body = msgspec.to_builtins(record, builtin_types=(bytes,))
    body.pop(added[-1])
    out = bytearray(b"\x00" + (9_000).to_bytes(4, "big"))
    out += _encoded(older, body)
    decoded = Codec(_With(9_000, older)).decode(bytes(out), (RECORDS[name],))
    due = {**msgspec.structs.asdict(record), added[-1]: getattr(decoded, added[-1])}
    assert msgspec.structs.asdict(decoded) == due
    assert (
        plain(msgspec.to_builtins(getattr(decoded, added[-1]), builtin_types=(bytes,))) == defaults(schema)[added[-1]]
    )


def test_a_record_that_does_not_belong_on_a_topic_is_refused() -> None:
    with pytest.raises(Rejected) as refused:
        CODEC.decode(CODEC.encode(example("Audit")), (RECORDS["RawEvent"],))
    assert refused.value.reason is Reason.UNDECODABLE


class _With(FileRegistry):
    """The file registry and one schema more."""

    def __init__(self, schema_id: int, schema: Schema) -> None:
        super().__init__()
        self._more = {schema_id: schema}

    def schema_of(self, schema_id: int) -> Schema:
        if schema_id in self._more:
            return self._more[schema_id]
        raise UnknownSchema(str(schema_id))


def _encoded(schema: Schema, body: dict[str, Any]) -> bytes:
    from io import BytesIO

    out = BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), body)
    return out.getvalue()
