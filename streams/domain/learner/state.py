"""A learner's whole state as bytes: a header, then arrays, little-endian. Data, never code; bounded before it is read.

    b"LSL1" · u32 length of the header · header (JSON) · float64: rates, head, stats · u32 used cells · their float32

Of the table only cells that have been used are written. The same state is the same bytes everywhere.
"""

import sys
from array import array
from itertools import accumulate
from math import isfinite
from struct import Struct
from typing import NamedTuple, TypeVar

from msgspec import DecodeError, ValidationError, json
from msgspec import Struct as Shape

from streams.domain.learner.fields import FIELDS
from streams.domain.learner.plain import HEAD, STATS

MAGIC = b"LSL1"
LARGEST_HEADER = 64 << 10
BITS, EXPERTS = range(8, 19), range(1, 9)
N = TypeVar("N", int, float)
_LENGTH = Struct("<I")


class Unreadable(Exception):
    """These bytes are no state of a learner; the text says why."""


class State(NamedTuple):
    """Everything a `LeadClassifier` is."""

    bits: int
    base_rate: float
    prior: float
    learned: int
    names: tuple[str, ...]
    rates: "array[float]"
    head: "array[float]"
    stats: "array[float]"
    table: "array[float]"


class _Header(Shape, frozen=True, forbid_unknown_fields=True):
    bits: int
    base_rate: float
    prior: float
    learned: int
    names: list[str]
    experts: int
    used: int


def pack(state: State) -> bytes:
    """Return a state as bytes."""
    experts, raw = len(state.rates), _little(state.table)
    width = 8 * experts
    blank = bytes(width)
    used = array("I", (at for at in range(1 << state.bits) if raw[width * at : width * (at + 1)] != blank))
    header = json.encode(
        _Header(state.bits, state.base_rate, state.prior, state.learned, list(state.names), experts, len(used))
    )
    return b"".join(
        (
            MAGIC,
            _LENGTH.pack(len(header)),
            header,
            *(_little(part) for part in (state.rates, state.head, state.stats, used)),
            *(raw[width * at : width * (at + 1)] for at in used),
        )
    )


def unpack(given: bytes) -> State:
    """Return the state in `given`. Raises `Unreadable`."""
    header, at = _header(given)
    experts, names = header.experts, len(header.names)
    sizes = (8 * experts, 8 * HEAD * experts, 8 * STATS * names, 4 * header.used, 8 * experts * header.used)
    if len(given) != at + sum(sizes):
        raise Unreadable("it is not as long as its header says")
    ends = list(accumulate(sizes, initial=at))
    rates, head, stats, cells = (
        _array(array("d" if part < 3 else "f"), given[ends[part] : ends[part + 1]]) for part in (0, 1, 2, 4)
    )
    used = _array(array("I"), given[ends[3] : ends[4]])
    if not all(map(isfinite, (*rates, *head, *stats, *cells))):
        raise Unreadable("a number is not finite")
    if any(cell >= 1 << header.bits for cell in used):
        raise Unreadable("a cell lies outside the table")
    width, table = 2 * experts, array("f", bytes(8 * experts << header.bits))
    for rank, cell in enumerate(used):
        table[width * cell : width * (cell + 1)] = cells[width * rank : width * (rank + 1)]
    return State(
        header.bits, header.base_rate, header.prior, header.learned, tuple(header.names), rates, head, stats, table
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
        and 0 <= header.used <= 1 << header.bits
        and header.learned >= 0
        and 0.0 < header.prior < 1.0
        and 0.0 <= header.base_rate <= 1.0
    )
    if not sound:
        raise Unreadable("its header is impossible")
    return header, 8 + length


def _little(numbers: "array[float] | array[int]") -> bytes:
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()


def _array(made: "array[N]", given: bytes) -> "array[N]":
    made.frombytes(given)
    if sys.byteorder == "big":
        made.byteswap()
    return made
