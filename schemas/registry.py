"""Who knows which schema has which id: a file of ours by default, a Confluent-compatible registry when there is one.

The file registry serves `schemas/avro/*.avsc` under the ids of `schemas/ids.json`. Ids are never reused: a changed
schema is given the next id, and its former text moves to `schemas/avro/past/<id>.avsc`, so that old bytes stay
readable.
"""

import json
from importlib import resources
from typing import Any, Protocol

from schemas import records

Schema = dict[str, Any]
RECORDS = {
    name: kind
    for name, kind in vars(records).items()
    if isinstance(kind, type) and issubclass(kind, records.Record) and kind is not records.Record
}


class UnknownSchema(LookupError):
    """No schema is known under this id, or for this record."""


class Registry(Protocol):
    """Gives each record of ours its schema id, and each id its schema (the writer's)."""

    def id_of(self, record: str) -> int:
        """Return the id that a record's schema goes by today. Raises `UnknownSchema`."""
        ...

    def schema_of(self, schema_id: int) -> Schema:
        """Return the schema of an id. Raises `UnknownSchema`."""
        ...


def current(record: str) -> Schema:
    """Return today's schema of a record, by its name. Raises `UnknownSchema`."""
    text = resources.files("schemas").joinpath("avro", f"{record}.avsc")
    if not text.is_file():
        raise UnknownSchema(f"schemas/avro has no {record}.avsc")
    schema: Schema = json.loads(text.read_text())
    return schema


def subject_of(record: str) -> str:
    """Return the registry subject of a record (Confluent's RecordNameStrategy: the record's full name).

    >>> subject_of("RoutedLead")
    'leadstream.v1.RoutedLead'
    """
    return f"leadstream.v1.{record}"


class FileRegistry:
    """The schemas in this package, under the ids in `ids.json`: {record: {id: fingerprint}}, oldest first."""

    def __init__(self) -> None:
        text = resources.files("schemas").joinpath("ids.json").read_text()
        pinned: dict[str, dict[str, str]] = json.loads(text)
        self._ids = {record: [int(id_) for id_ in ids] for record, ids in pinned.items()}

    def records(self) -> dict[str, list[int]]:
        """Return every record's ids, oldest first."""
        return dict(self._ids)

    def id_of(self, record: str) -> int:
        """Return the id that a record's schema goes by today. Raises `UnknownSchema`."""
        if record not in self._ids:
            raise UnknownSchema(f"schemas/ids.json has no {record}")
        return self._ids[record][-1]

    def schema_of(self, schema_id: int) -> Schema:
        """Return the schema of an id. Raises `UnknownSchema`."""
        for record, ids in self._ids.items():
            if schema_id == ids[-1]:
                return current(record)
            if schema_id in ids:
                past = resources.files("schemas").joinpath("avro", "past", f"{schema_id}.avsc")
                schema: Schema = json.loads(past.read_text())
                return schema
        raise UnknownSchema(f"schema id {schema_id} is not in schemas/ids.json")


class ConfluentRegistry:
    """A Confluent-compatible registry (Confluent, Karapace, Redpanda, Apicurio): registers ours at start, then caches.

    Errors of the registry (`SchemaRegistryError`, connection errors) pass through at start-up, from `id_of`.
    """

    def __init__(self, url: str) -> None:
        from confluent_kafka.schema_registry import SchemaRegistryClient  # heavy, and only needed with a registry

        self._client = SchemaRegistryClient({"url": url})

    def id_of(self, record: str) -> int:
        """Register a record's schema, unless it is, and return its id."""
        from confluent_kafka.schema_registry import Schema as RegistrySchema

        text = json.dumps(current(record))
        return int(self._client.register_schema(subject_of(record), RegistrySchema(text, "AVRO")))

    def schema_of(self, schema_id: int) -> Schema:
        """Return the schema of an id. Raises `UnknownSchema`, and the registry's own errors."""
        found = self._client.get_schema(schema_id)
        if not found.schema_str:
            raise UnknownSchema(f"schema id {schema_id} is empty in the registry")
        schema: Schema = json.loads(found.schema_str)
        return schema


def open_registry(url: str | None) -> Registry:
    """Return the registry at `url` (`SCHEMA_REGISTRY_URL`), or the one in this package when there is none."""
    return ConfluentRegistry(url) if url else FileRegistry()
