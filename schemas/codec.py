"""Records to bytes and back, in Confluent's wire format: a zero byte, the schema id (big-endian int32), Avro."""

from collections.abc import Iterable
from io import BytesIO
from typing import Any

import fastavro
import msgspec
from fastavro.schema import SchemaParseException, UnknownType, fullname

from schemas import native
from schemas.native import Write
from schemas.reader import MALFORMED, Read, reader
from schemas.records import Record
from schemas.registry import RECORDS, Registry, Schema, UnknownSchema, current, subject_of
from schemas.rejected import Reason, Rejected
from schemas.writer import writer

MAGIC = b"\x00"
HEADER = 5


class Codec:
    """Encodes and decodes every record of ours. Ids are asked for once, at construction; unknown ones when met.

    `compiled` = by the C extension; by default where it has been built. The bytes are the same.
    """

    def __init__(
        self, registry: Registry, records: Iterable[str] = RECORDS, *, compiled: bool = native.AVAILABLE
    ) -> None:
        self._registry = registry
        self._schemas = {name: current(name) for name in records if _has_schema(name)}
        self._names = {subject_of(name): name for name in self._schemas}
        self._writers: dict[type[Record], tuple[bytes, Write]] = {}
        self._readers: dict[bytes, tuple[type[Record], Read]] = {}
        for name, schema in self._schemas.items():
            header = MAGIC + registry.id_of(name).to_bytes(4, "big")
            read, write = native.coder(schema, RECORDS) if compiled else _interpreted(schema)
            self._writers[RECORDS[name]] = header, write
            self._readers[header] = RECORDS[name], read

    def encode(self, record: Record) -> bytes:
        """Return the record in Confluent wire format."""
        header, write = self._writers[type(record)]
        return write(header, record)

    def decode(self, value: bytes | None, allowed: tuple[type[Record], ...]) -> Record:
        """Return the record in `value`.

        Raises `Rejected`: TOMBSTONE, UNDECODABLE, UNKNOWN_SCHEMA, INVALID_VALUE; and `RegistryUnavailable`, when only
        the registry could tell whose fault it is: the record must wait.
        """
        if value is None:
            raise Rejected(Reason.TOMBSTONE, "null value")
        kind, read = self._readers.get(value[:HEADER]) or self._learn(value)
        if kind not in allowed:
            raise Rejected(Reason.UNDECODABLE, f"a {kind.__name__} does not belong on this topic")
        try:
            record, end = read(value, HEADER)
        except MALFORMED as error:
            raise Rejected(Reason.UNDECODABLE, f"{kind.__name__}: {type(error).__name__}") from error
        if end != len(value):
            raise Rejected(Reason.UNDECODABLE, f"{kind.__name__}: {len(value)} bytes, and it takes {end}")
        return record

    def _learn(self, value: bytes) -> tuple[type[Record], Read]:
        """Look an unknown schema id up in the registry: an older or newer schema of one of our records."""
        if value[:1] != MAGIC or len(value) < HEADER:
            raise Rejected(Reason.UNDECODABLE, "not in Confluent wire format")
        schema_id = int.from_bytes(value[1:HEADER], "big")
        try:
            schema = self._registry.schema_of(schema_id)
            name = self._names.get(fullname(schema))
            if name is None:
                raise Rejected(Reason.UNKNOWN_SCHEMA, f"schema id {schema_id} is of no record of ours")
            found = RECORDS[name], _resolving(schema, self._schemas[name], RECORDS[name])
        except (UnknownSchema, SchemaParseException, UnknownType) as error:
            raise Rejected(Reason.UNKNOWN_SCHEMA, f"schema id {schema_id}") from error
        self._readers[value[:HEADER]] = found
        return found


def _interpreted(schema: Schema) -> tuple[Read, Write]:
    """Return what reads and what writes a record, in Python."""
    append = writer(schema)

    def write(head: bytes, record: Record) -> bytes:
        out = bytearray(head)
        append(out, record)
        return bytes(out)

    return reader(schema, RECORDS), write


def _resolving(theirs: Schema, ours: Schema, kind: type[Record]) -> Read:
    """Return a reader of what was written with a schema other than today's: rare, so fastavro resolves it."""
    written, wanted = fastavro.parse_schema(theirs), fastavro.parse_schema(ours)

    def read(value: bytes, start: int) -> tuple[Record, int]:
        stream = BytesIO(value)
        stream.seek(start)
        try:
            body: Any = fastavro.schemaless_reader(stream, written, wanted)
        except Exception as error:  # fastavro raises EOFError, ValueError, IndexError, struct.error, MemoryError, ...
            raise Rejected(Reason.UNDECODABLE, f"{kind.__name__}: {type(error).__name__}") from error
        try:
            return msgspec.convert(body, kind), stream.tell()
        except msgspec.ValidationError as error:
            raise Rejected(Reason.INVALID_VALUE, f"{kind.__name__}: {error}") from error

    return read


def _has_schema(name: str) -> bool:
    """Tell whether a record travels on its own; the others are parts of one that does."""
    try:
        current(name)
    except UnknownSchema:
        return False
    return True
