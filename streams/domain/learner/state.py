"""A learner's whole state as bytes: a header, then arrays, little-endian. Data, never code; bounded before it is read.

    b"LSL3" · u32 length of the header · header (JSON) · float64: rates, pairs, head, stats · float32: table

The same state is the same bytes everywhere.
"""

import sys
from array import array
from math import isfinite
from struct import Struct
from typing import NamedTuple

from msgspec import DecodeError, ValidationError, json
from msgspec import Struct as Shape

from streams.domain.learner.fields import FIELDS
from streams.domain.learner.plain import HEAD, STATS

MAGIC = b"LSL3"
LARGEST_HEADER = 64 << 10
BITS, EXPERTS = range(8, 19), range(1, 9)
_LENGTH = Struct("<I")


class Unreadable(Exception):
    """These bytes are no state of a learner; the text says why."""


class State(NamedTuple):
    """Everything a `LeadClassifier` is."""

    bits: int
    base_rate: float
    prior: float
    learned: int
    raised: int
    names: tuple[str, ...]
    rates: "array[float]"
    pairs: "array[float]"
    head: "array[float]"
    stats: "array[float]"
    table: "array[float]"


class _Header(Shape, frozen=True, forbid_unknown_fields=True):
    bits: int
    base_rate: float
    prior: float
    learned: int
    raised: int
    names: list[str]
    experts: int


def pack(state: State) -> bytes:
    """Return a state as bytes."""
    header = json.encode(
        _Header(
            state.bits, state.base_rate, state.prior, state.learned, state.raised, list(state.names), len(state.rates)
        )
    )
    arrays = (state.rates, state.pairs, state.head, state.stats, state.table)
    return b"".join((MAGIC, _LENGTH.pack(len(header)), header, *map(_little, arrays)))


def unpack(given: bytes) -> State:
    """Return the state in `given`. Raises `Unreadable`."""
    header, at = _header(given)
    experts, names = header.experts, len(header.names)
    sizes = (8 * experts, 8 * experts, 8 * HEAD * experts, 8 * STATS * names, 8 * experts << header.bits)
    if len(given) != at + sum(sizes):
        raise Unreadable("it is not as long as its header says")
    parts = []
    for kind, size in zip("ddddf", sizes, strict=True):
        parts.append(_array(kind, given[at : at + size]))
        at += size
    rates, pairs, head, stats, table = parts
    if not all(isfinite(sum(part)) for part in parts):
        raise Unreadable("a number is not finite")
    return State(
        header.bits,
        header.base_rate,
        header.prior,
        header.learned,
        header.raised,
        tuple(header.names),
        rates,
        pairs,
        head,
        stats,
        table,
    )


def _header(given: bytes) -> tuple[_Header, int]:
    if given[:4] != MAGIC or len(given) < 8:
        raise Unreadable("it does not begin as a state does")
    (length,) = _LENGTH.unpack_from(given, 4)
    if length > min(LARGEST_HEADER, len(given) - 8):
        raise Unreadable("its header is too long")
    try:
        header = json.decode(given[8 : 8 + length], type=_Header)
    except (DecodeError, ValidationError) as error:
        raise Unreadable(f"its header: {error}") from error
    names = header.names
    sound = (
        header.bits in BITS
        and header.experts in EXPERTS
        and len(names) == len(set(names)) <= FIELDS
        and header.learned >= 0
        and header.raised >= 0
        and 0.0 < header.prior < 1.0
        and 0.0 <= header.base_rate <= 1.0
    )
    if not sound:
        raise Unreadable("its header is impossible")
    return header, 8 + length


def _little(numbers: "array[float]") -> bytes:
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()


def _array(kind: str, given: bytes) -> "array[float]":
    made: array[float] = array(kind, given)
    if sys.byteorder == "big":
        made.byteswap()
    return made
