"""Who knows which schema has which id: a file of ours by default, a Confluent-compatible registry when there is one.

The file registry serves `schemas/avro/*.avsc` under the ids of `schemas/ids.json`. Ids are never reused: a changed
schema is given the next id, and its former text moves to `schemas/avro/past/<id>.avsc`, so that old bytes stay
readable.
"""

import json
import time
from importlib import resources
from typing import Any, Protocol
from urllib.parse import urlsplit

from schemas import learning, quarantine, records

Schema = dict[str, Any]
RECORDS = {
    name: kind
    for name, kind in (vars(records) | vars(learning) | vars(quarantine)).items()
    if isinstance(kind, type) and issubclass(kind, records.Record) and kind is not records.Record
}


START = {"timeout": 10.0, "max.retries": 3}  # s; a registry may come up just after us
LOOKUP = {"timeout": 2.0, "max.retries": 0}  # s; a worker stands still meanwhile, and asks again when it retries
REFUSED = (409, 422)  # incompatible with what is there; not to be registered
NO_SCHEMA = 40403
LARGEST_ID = 2**31 - 1
ASK_AGAIN_S = 1.0  # how long an id stays unknown without asking: a producer gone wrong sends many
REMEMBERED = 1_000


class UnknownSchema(LookupError):
    """No schema is known under this id, or for this record."""


class RegistryUnavailable(OSError):
    """The registry does not answer as one should: the world's fault, never an event's; the same again may go well."""


class SchemaRefused(Exception):
    """The registry does not take a schema of ours: somebody has to look."""


class Registry(Protocol):
    """Gives each record of ours its schema id, and each id its schema (the writer's)."""

    def id_of(self, record: str) -> int:
        """Return the id that a record's schema goes by today.

        Raises `UnknownSchema`, `SchemaRefused`, `RegistryUnavailable`.
        """
        ...

    def schema_of(self, schema_id: int) -> Schema:
        """Return the schema of an id. Raises `UnknownSchema`, `RegistryUnavailable`."""
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
    """A Confluent-compatible registry: Confluent, Karapace, Redpanda, Apicurio.

    Our schemas are registered at start. Asked for an id in the middle of a stream it answers soon or says that it
    cannot: one try, which waits as long as `LOOKUP` says. It holds no connection in between.
    """

    def __init__(self, url: str) -> None:
        if not all(address.startswith(("http://", "https://")) for address in url.split(",")):
            raise RegistryUnavailable("SCHEMA_REGISTRY_URL is not an address that begins with http:// or https://")
        self._url = url
        self._unknown: dict[int, float] = {}

    def id_of(self, record: str) -> int:
        """Register a record's schema unless it is; return its id. Raises `SchemaRefused`, `RegistryUnavailable`."""
        from confluent_kafka.schema_registry import Schema as RegistrySchema
        from confluent_kafka.schema_registry import SchemaRegistryClient  # heavy, and only needed with a registry
        from confluent_kafka.schema_registry.error import SchemaRegistryError

        subject = subject_of(record)
        schema = RegistrySchema(json.dumps(current(record)), "AVRO")
        try:
            with SchemaRegistryClient({"url": self._url, **START}) as client:
                return int(client.register_schema(subject, schema))
        except SchemaRegistryError as error:
            if error.http_status_code in REFUSED:
                raise SchemaRefused(
                    f"{self._where()} refuses schemas/avro/{record}.avsc ({error.error_message}); "
                    f"compare it with what is there under {subject}: a new field needs a default"
                ) from error
            raise self._unavailable(error) from error
        except Exception as error:
            raise self._unavailable(error) from error

    def schema_of(self, schema_id: int) -> Schema:
        """Return the schema of an id. Raises `UnknownSchema`, and `RegistryUnavailable` when it cannot be known now."""
        from confluent_kafka.schema_registry import SchemaRegistryClient
        from confluent_kafka.schema_registry.error import SchemaRegistryError

        if schema_id > LARGEST_ID or time.monotonic() < self._unknown.get(schema_id, 0.0):
            raise UnknownSchema(f"schema id {schema_id} is not in the registry")
        try:
            with SchemaRegistryClient({"url": self._url, **LOOKUP}) as client:
                found = client.get_schema(schema_id)
        except SchemaRegistryError as error:
            if error.error_code != NO_SCHEMA:  # a bare 404 is what a proxy in front of a dead registry says
                raise self._unavailable(error) from error
            if len(self._unknown) >= REMEMBERED:
                self._unknown.clear()
            self._unknown[schema_id] = time.monotonic() + ASK_AGAIN_S
            raise UnknownSchema(f"schema id {schema_id} is not in the registry") from error
        except Exception as error:
            raise self._unavailable(error) from error
        if found.schema_type != "AVRO" or not found.schema_str:
            raise UnknownSchema(f"schema id {schema_id} is not of an Avro schema")
        schema: Schema | list[Any] | str = json.loads(found.schema_str)
        if not isinstance(schema, dict):
            raise UnknownSchema(f"schema id {schema_id} is not of a record")
        return schema

    def _unavailable(self, error: Exception) -> RegistryUnavailable:
        """Put in words what the client raised: its own error, or one of whichever HTTP library it came with."""
        status = getattr(error, "http_status_code", None)
        said = f"answers with status {status}" if status else f"does not answer ({type(error).__name__})"
        return RegistryUnavailable(f"{self._where()} {said}; start it or correct the setting")

    def _where(self) -> str:
        return f"the registry at SCHEMA_REGISTRY_URL ({without_login(self._url)})"


def open_registry(url: str | None) -> Registry:
    """Return the registry at `url` (`SCHEMA_REGISTRY_URL`), or the one in this package when there is none."""
    return ConfluentRegistry(url) if url else FileRegistry()


def without_login(url: str) -> str:
    """Return addresses, separated by commas, as they may be shown.

    >>> without_login("https://user:secret@registry-1:8081/api,http://registry-2:8081")
    'https://registry-1:8081/api,http://registry-2:8081'
    """
    parts = [urlsplit(address) for address in url.split(",")]
    return ",".join(part._replace(netloc=part.netloc.rpartition("@")[2]).geturl() for part in parts)
