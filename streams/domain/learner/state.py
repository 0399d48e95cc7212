"""A learner's whole state as bytes: a header, then arrays, little-endian. Data, never code; bounded before it is read.

    b"LSL4" · u32 length of the header · header (JSON) · float64: rates, pairs, head, stats · float32: table ·
    float64: trust · int32: roots, splits · float32: thresholds · int32: children · float64: values ·
    float32: cells · float64: told

The same state is the same bytes everywhere.
"""

import sys
from array import array
from math import isfinite
from struct import Struct
from typing import Any, NamedTuple

from msgspec import DecodeError, ValidationError, json
from msgspec import Struct as Shape

from streams.domain.learner.fields import FIELDS
from streams.domain.learner.forest import LEAVES, TREES, Forest
from streams.domain.learner.grove import Kept
from streams.domain.learner.plain import HEAD, STATS, WIDEST

MAGIC = b"LSL4"
LARGEST_HEADER, LARGEST_ROOM = 64 << 10, 1 << 18
TRUST = 6
BITS, EXPERTS = range(8, 19), range(1, 9)
_LENGTH, _SIZES = Struct("<I"), {"d": 8, "f": 4, "i": 4}


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
    grove: Kept


class _Header(Shape, frozen=True, forbid_unknown_fields=True):
    bits: int
    base_rate: float
    prior: float
    learned: int
    raised: int
    names: list[str]
    experts: int
    room: int
    rows: int
    width: int
    latest: int
    due: int
    trees: int
    nodes: int


def pack(state: State) -> bytes:
    """Return a state as bytes."""
    grove = state.grove
    header = json.encode(
        _Header(
            bits=state.bits,
            base_rate=state.base_rate,
            prior=state.prior,
            learned=state.learned,
            raised=state.raised,
            names=list(state.names),
            experts=len(state.rates),
            room=grove.room,
            rows=len(grove.told) // 2,
            width=grove.width,
            latest=grove.learned,
            due=grove.due,
            trees=len(grove.forest.roots),
            nodes=len(grove.forest.splits),
        )
    )
    pool = state.rates, state.pairs, state.head, state.stats, state.table
    arrays: tuple[array[Any], ...] = (*pool, grove.trust, *grove.forest, grove.cells, grove.told)
    return b"".join((MAGIC, _LENGTH.pack(len(header)), header, *map(_little, arrays)))


def unpack(given: bytes) -> State:
    """Return the state in `given`. Raises `Unreadable`."""
    header, at = _header(given)
    parts = []
    kinds = _layout(header)
    if len(given) != at + sum(_SIZES[kind] * count for kind, count in kinds):
        raise Unreadable("it is not as long as its header says")
    for kind, count in kinds:
        end = at + _SIZES[kind] * count
        parts.append(_array(kind, given[at:end]))
        at = end
    if not all(isfinite(sum(part)) for part in parts):
        raise Unreadable("a number is not finite")
    rates, pairs, head, stats, table, trust, roots, splits, thresholds, children, values, cells, told = parts
    forest = Forest(roots, splits, thresholds, children, values)
    if not _sound(forest, header.width):
        raise Unreadable("its trees are none")
    _, _, pools, both, grown, rate = trust
    if not (pools * grown > both * both and 0.0 <= rate <= 1.0):
        raise Unreadable("its trust is impossible")
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
        Kept(header.room, header.latest, header.due, header.width, trust, forest, cells, told),
    )


def _layout(header: _Header) -> tuple[tuple[str, int], ...]:
    """Return the kinds of numbers that follow a header, and how many of each."""
    experts, nodes = header.experts, header.nodes
    pool = ("d", experts), ("d", experts), ("d", HEAD * experts), ("d", STATS * len(header.names))
    trees = ("i", header.trees), ("i", nodes), ("f", nodes), ("i", nodes), ("d", nodes)
    rows = ("f", header.rows * header.width), ("d", 2 * header.rows)
    return *pool, ("f", 2 * experts << header.bits), ("d", TRUST), *trees, *rows


def _sound(forest: Forest, width: int) -> bool:
    """Tell whether every climb from a root ends at a leaf, asking for fields that rows have."""
    nodes = len(forest.splits)
    return all(0 <= root < nodes for root in forest.roots) and all(
        field == -1 or (0 <= field < width and at < child < nodes - 1)
        for at, (field, child) in enumerate(zip(forest.splits, forest.children, strict=True))
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
        and 0 <= header.rows * max(header.width, 1) <= header.room <= LARGEST_ROOM
        and 0 <= header.width <= WIDEST
        and header.rows >= 0
        and header.latest >= 0
        and 0 <= header.trees <= TREES
        and 0 <= header.nodes <= TREES * (2 * LEAVES - 1)
    )
    if not sound:
        raise Unreadable("its header is impossible")
    return header, 8 + length


def _little(numbers: "array[Any]") -> bytes:
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()


def _array(kind: str, given: bytes) -> "array[Any]":
    made: array[Any] = array(kind, given)
    if sys.byteorder == "big":
        made.byteswap()
    return made
