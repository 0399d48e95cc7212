"""Records to bytes and back, in Confluent's wire format: a zero byte, the schema id (big-endian int32), Avro."""

from collections.abc import Iterable
from io import BytesIO
from typing import Any, cast

import fastavro
import msgspec
from fastavro.schema import SchemaParseException, UnknownType, fullname

from schemas.records import Record
from schemas.registry import RECORDS, Registry, Schema, UnknownSchema, current, subject_of
from schemas.rejected import Reason, Rejected

MAGIC = b"\x00"
HEADER = 5


class Codec:
    """Encodes and decodes every record of ours. Ids are asked for once, at construction; unknown ones when met."""

    def __init__(self, registry: Registry, records: Iterable[str] = RECORDS) -> None:
        self._registry = registry
        self._parsed = {name: _parse(current(name)) for name in records if _has_schema(name)}
        self._names = {subject_of(name): name for name in self._parsed}
        self._ids = {RECORDS[name]: registry.id_of(name) for name in self._parsed}
        self._headers = {kind: MAGIC + id_.to_bytes(4, "big") for kind, id_ in self._ids.items()}
        self._readers: dict[bytes, tuple[type[Record], Schema, Schema | None]] = {
            header: (kind, self._parsed[kind.__name__], None) for kind, header in self._headers.items()
        }

    def encode(self, record: Record) -> bytes:
        """Return the record in Confluent wire format."""
        kind = type(record)
        out = BytesIO()
        out.write(self._headers[kind])
        body = msgspec.to_builtins(record, builtin_types=(bytes,))
        fastavro.schemaless_writer(out, self._parsed[kind.__name__], body)
        return out.getvalue()

    def decode(self, value: bytes | None, allowed: tuple[type[Record], ...]) -> Record:
        """Return the record in `value`.

        Raises `Rejected`: TOMBSTONE, UNDECODABLE, UNKNOWN_SCHEMA, INVALID_VALUE; and `RegistryUnavailable`, when only
        the registry could tell whose fault it is: the record must wait.
        """
        if value is None:
            raise Rejected(Reason.TOMBSTONE, "null value")
        kind, writer, reader = self._readers.get(value[:HEADER]) or self._learn(value)
        if kind not in allowed:
            raise Rejected(Reason.UNDECODABLE, f"a {kind.__name__} does not belong on this topic")
        stream = BytesIO(value)
        stream.seek(HEADER)
        try:
            body: Any = fastavro.schemaless_reader(stream, writer, reader)
        except Exception as error:  # fastavro raises EOFError, ValueError, IndexError, struct.error, MemoryError, ...
            raise Rejected(Reason.UNDECODABLE, f"{kind.__name__}: {type(error).__name__}") from error
        if stream.tell() != len(value):
            raise Rejected(Reason.UNDECODABLE, f"{kind.__name__}: {len(value) - stream.tell()} bytes left over")
        try:
            return msgspec.convert(body, kind)
        except msgspec.ValidationError as error:
            raise Rejected(Reason.INVALID_VALUE, f"{kind.__name__}: {error}") from error

    def _learn(self, value: bytes) -> tuple[type[Record], Schema, Schema | None]:
        """Look an unknown schema id up in the registry: an older or newer schema of one of our records."""
        if value[:1] != MAGIC or len(value) < HEADER:
            raise Rejected(Reason.UNDECODABLE, "not in Confluent wire format")
        schema_id = int.from_bytes(value[1:HEADER], "big")
        try:
            schema = self._registry.schema_of(schema_id)
            name = self._names.get(fullname(schema))
            if name is None:
                raise Rejected(Reason.UNKNOWN_SCHEMA, f"schema id {schema_id} is of no record of ours")
            found = RECORDS[name], _parse(schema), self._parsed[name]
        except (UnknownSchema, SchemaParseException, UnknownType) as error:
            raise Rejected(Reason.UNKNOWN_SCHEMA, f"schema id {schema_id}") from error
        self._readers[value[:HEADER]] = found
        return found


def _parse(schema: Schema) -> Schema:
    """Prepare a record's schema for fastavro."""
    return cast("Schema", fastavro.parse_schema(schema))


def _has_schema(name: str) -> bool:
    """Tell whether a record travels on its own; the others are parts of one that does."""
    try:
        current(name)
    except UnknownSchema:
        return False
    return True
