"""What the compiled codec promises of every record: fastavro's bytes, all of it back, and nothing but `Rejected`."""

import time
from enum import Enum
from io import BytesIO
from typing import Any, get_args, get_origin, get_type_hints

import fastavro
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from schemas import native
from schemas.codec import HEADER, Codec
from schemas.records import Record
from schemas.registry import RECORDS, FileRegistry, current
from schemas.rejected import Reason, Rejected
from tests.examples import example

REGISTRY = FileRegistry()
CODECS = {"interpreted": Codec(REGISTRY, compiled=False)}
if native.AVAILABLE:
    CODECS["compiled"] = Codec(REGISTRY, compiled=True)
TRAVELLING = tuple(REGISTRY.records())
KINDS = tuple(RECORDS[name] for name in TRAVELLING)
PARSED = {kind: fastavro.parse_schema(current(kind.__name__)) for kind in KINDS}
LONGS = some.integers(-3, 300) | some.integers(-(2**63), 2**63 - 1)
TEXTS = some.text(max_size=8) | some.text(min_size=60, max_size=70)
SIMPLE: dict[object, some.SearchStrategy[Any]] = {
    str: TEXTS,
    int: LONGS,
    bool: some.booleans(),
    float: some.floats(allow_nan=False),
    bytes: some.binary(max_size=200),
}


def values(hint: Any) -> some.SearchStrategy[Any]:
    """Any value of a field's Python type."""
    if hint in SIMPLE:
        return SIMPLE[hint]
    if isinstance(hint, type) and issubclass(hint, Enum):
        return some.sampled_from(hint)
    if isinstance(hint, type) and issubclass(hint, Record):
        return some.builds(hint, **{name: values(of) for name, of in get_type_hints(hint).items()})
    parts = get_args(hint)
    if get_origin(hint) is list:
        return some.lists(values(parts[0]), max_size=3)
    if get_origin(hint) is dict:
        return some.dictionaries(TEXTS, values(parts[1]), max_size=3)
    return some.none() | values(parts[0])


RECORD = some.sampled_from(KINDS).flatmap(values)


def reference(record: Record) -> bytes:
    """A record's Avro as fastavro writes it."""
    out = BytesIO()
    body = msgspec.to_builtins(record, builtin_types=(bytes,))
    fastavro.schemaless_writer(out, PARSED[type(record)], body)
    return out.getvalue()


@pytest.fixture(scope="module", params=list(CODECS.values()), ids=list(CODECS))
def codec(request: pytest.FixtureRequest) -> Codec:
    """Each codec there is."""
    made: Codec = request.param
    return made


def refused(codec: Codec, value: bytes) -> Rejected | None:
    """Decode hostile bytes: a record, or why not. Any other exception ends the test."""
    try:
        codec.decode(value, KINDS)
    except Rejected as rejected:
        return rejected
    return None


@given(RECORD)
def test_a_record_is_written_as_fastavro_writes_it(codec: Codec, record: Record) -> None:
    assert codec.encode(record)[HEADER:] == reference(record)


@given(RECORD)
def test_what_is_written_is_read_back(codec: Codec, record: Record) -> None:
    assert codec.decode(codec.encode(record), (type(record),)) == record


@given(RECORD)
def test_what_fastavro_writes_is_read_as_fastavro_reads_it(codec: Codec, record: Record) -> None:
    kind, body = type(record), reference(record)
    due: Any = fastavro.schemaless_reader(BytesIO(body), PARSED[kind], None)
    read = codec.decode(codec.encode(record)[:HEADER] + body, (kind,))
    assert msgspec.to_builtins(read, builtin_types=(bytes,)) == due


@given(RECORD, some.integers(min_value=1))
def test_a_record_cut_short_is_undecodable(codec: Codec, record: Record, cut: int) -> None:
    value = codec.encode(record)
    short = value[: HEADER + cut % (len(value) - HEADER)]
    rejected = refused(codec, short)
    assert rejected is not None
    assert rejected.reason is Reason.UNDECODABLE


@given(RECORD, some.binary(min_size=1, max_size=9))
def test_bytes_left_over_are_undecodable(codec: Codec, record: Record, more: bytes) -> None:
    rejected = refused(codec, codec.encode(record) + more)
    assert rejected is not None
    assert rejected.reason is Reason.UNDECODABLE


@given(RECORD, some.lists(some.tuples(some.integers(min_value=0), some.integers(1, 255)), min_size=1, max_size=4))
def test_flipped_bits_are_a_record_or_rejected(codec: Codec, record: Record, flips: list[tuple[int, int]]) -> None:
    value = bytearray(codec.encode(record))
    for at, bits in flips:
        value[HEADER + at % (len(value) - HEADER)] ^= bits
    rejected = refused(codec, bytes(value))
    assert rejected is None or rejected.reason in (Reason.UNDECODABLE, Reason.INVALID_VALUE)


@given(some.sampled_from(KINDS), some.binary(max_size=400))
def test_random_bytes_are_a_record_or_rejected(codec: Codec, kind: type[Record], body: bytes) -> None:
    rejected = refused(codec, codec.encode(example(kind.__name__))[:HEADER] + body)
    assert rejected is None or rejected.reason in (Reason.UNDECODABLE, Reason.INVALID_VALUE)


@pytest.mark.parametrize("kind", KINDS, ids=TRAVELLING)
@pytest.mark.parametrize(
    "filler", [b"\xff", b"\x01", b"\x80", b"\x00", b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x02\x00"]
)
def test_no_size_or_count_that_a_sender_claims_takes_longer_than_its_bytes(
    codec: Codec, kind: type[Record], filler: bytes
) -> None:
    value = codec.encode(example(kind.__name__))
    began = time.process_time()
    for at in range(HEADER, min(len(value), 120)):
        rejected = refused(codec, value[:at] + filler * (2_000 // len(filler)))
        assert rejected is None or rejected.reason in (Reason.UNDECODABLE, Reason.INVALID_VALUE)
    assert time.process_time() - began < 5  # milliseconds each: no loop over a claimed count


@pytest.mark.parametrize("field", ["stage", "kind", "channel"])
def test_a_value_that_an_enum_does_not_have_is_invalid(codec: Codec, field: str) -> None:
    record = example("RoutedLead" if field == "stage" else "Touchpoint")
    body = {**msgspec.to_builtins(record, builtin_types=(bytes,)), field: "never heard of"}
    out = BytesIO(codec.encode(record)[:HEADER])
    out.seek(HEADER)
    fastavro.schemaless_writer(out, PARSED[type(record)], body)
    rejected = refused(codec, out.getvalue())
    assert rejected is not None
    assert (rejected.reason, rejected.detail) == (
        Reason.INVALID_VALUE,
        f"{type(record).__name__}.{field}: not a value that it has",
    )


def test_blocks_that_carry_their_size_are_read(codec: Codec) -> None:
    audit = example("Audit")
    value = codec.encode(audit)
    empty = codec.encode(msgspec.structs.replace(audit, tallies=[]))
    # Where the count of the one block is: it goes from positive to negative, with the size behind it.
    at = next(at for at, (one, other) in enumerate(zip(value, empty, strict=False)) if one != other)
    count, after = value[at], empty[at:]
    assert count % 2 == 0
    assert value.endswith(after)
    items = value[at + 1 : len(value) - len(after)]
    sized = value[:at] + bytes([count - 1, len(items) << 1]) + items + after
    assert codec.decode(sized, (type(audit),)) == audit


def test_an_integer_over_64_bits_is_not_written(codec: Codec) -> None:
    with pytest.raises(OverflowError, match="64 bits"):
        codec.encode(msgspec.structs.replace(example("LeadProfile"), touches=2**63))


@pytest.mark.skipif(not native.AVAILABLE, reason="no C compiler was found")
@given(
    RECORD,
    some.lists(some.tuples(some.integers(min_value=0), some.integers(0, 255)), max_size=4),
    some.binary(max_size=9),
)
def test_both_codecs_say_the_same_of_any_bytes(record: Record, sets: list[tuple[int, int]], more: bytes) -> None:
    value = bytearray(CODECS["interpreted"].encode(record)) + more
    for at, byte in sets:
        value[HEADER + at % (len(value) - HEADER)] = byte
    said = []
    for each in CODECS.values():
        try:
            said.append(repr(each.decode(bytes(value), KINDS)))  # as text: what is not a number is not equal to itself
        except Rejected as rejected:
            said.append(rejected.reason)
    assert said[0] == said[1]
