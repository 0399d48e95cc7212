"""What a profile has already counted, 12 bytes each: 8 of the id, then 32 bits that say what was counted.

Those bits are 13 of the digest, 5 for the kind, 1 for paid, 13 of the day. A repeat is known by its id, a conflict by
its digest, and a merge of two profiles that both counted the same touchpoint can take one of the two back.
"""

from collections.abc import Iterator
from typing import NamedTuple

from schemas.records import Kind
from schemas.rejected import Reason, Rejected

ENTRY = 12
CAP = 512
MACHINE, UNCOUNTED = "machine", ""
_NAMES = (UNCOUNTED, MACHINE, *(kind.value for kind in Kind))  # stored by position: new kinds go last
_CODES = {name: code for code, name in enumerate(_NAMES)}
_DAY = (1 << 13) - 1


class Mark(NamedTuple):
    """What was counted: `day` modulo 8192; `name` is a kind, MACHINE, or UNCOUNTED (an outcome, a merge)."""

    day: int
    name: str
    paid: bool


def entry(id_: str, digest: int, name: str = UNCOUNTED, paid: bool = False, day: int = 0) -> bytes:
    """Return the entry of a record. Raises `Rejected(INVALID_VALUE)` when its id is not ours."""
    try:
        head = bytes.fromhex(id_[:16])
    except ValueError:
        head = b""
    if len(head) != 8:
        raise Rejected(Reason.INVALID_VALUE, "id")
    bits = (digest & 0x1FFF) << 19 | _CODES[name] << 14 | paid << 13 | day & _DAY
    return head + bits.to_bytes(4, "big")


def has(seen: bytes, new: bytes) -> bool:
    """Tell whether an entry is there already. Raises `Rejected(ID_CONFLICT)` when its id is, with another digest."""
    at = _place(seen, new)
    if at < 0:
        return False
    if int.from_bytes(seen[at + 8 : at + 12], "big") >> 19 != int.from_bytes(new[8:], "big") >> 19:
        raise Rejected(Reason.ID_CONFLICT, "the id was seen with another payload")
    return True


def known(seen: bytes, new: bytes) -> Mark:
    """Return what was counted under an entry's id, which is there (see `has`)."""
    return _mark(seen[(at := _place(seen, new)) + 8 : at + ENTRY])


def changed(seen: bytes, new: bytes) -> bytes:
    """Return `seen` with an entry in the place of the one with the same id."""
    at = _place(seen, new)
    return seen[:at] + new + seen[at + ENTRY :]


def add(seen: bytes, new: bytes) -> bytes:
    """Return `seen` with entries appended, the oldest forgotten beyond `CAP`."""
    return (seen + new)[-CAP * ENTRY :]


def union(one: bytes, other: bytes) -> tuple[bytes, list[Mark]]:
    """Return the entries of both, and what both have counted (once too often, when their counts are added)."""
    heads = {one[at : at + 8] for at in range(0, len(one), ENTRY)}
    new, twice = [], []
    for at in range(0, len(other), ENTRY):
        if other[at : at + 8] in heads:
            twice.append(_mark(other[at + 8 : at + ENTRY]))
        else:
            new.append(other[at : at + ENTRY])
    return add(b"".join(new), one), twice


def entries(seen: bytes) -> Iterator[bytes]:
    """Yield the entries one by one, oldest first."""
    return (seen[at : at + ENTRY] for at in range(0, len(seen), ENTRY))


def _place(seen: bytes, new: bytes) -> int:
    """Return where an entry's id is, -1 = nowhere."""
    head = new[:8]
    at = seen.find(head)
    while at >= 0 and at % ENTRY:
        at = seen.find(head, at + 1)
    return at


def _mark(tail: bytes) -> Mark:
    bits = int.from_bytes(tail, "big")
    return Mark(bits & _DAY, _NAMES[bits >> 14 & 0x1F], bool(bits >> 13 & 1))
