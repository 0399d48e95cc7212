"""Recently used rows, decoded, so that a lead who is busy is not decoded at each event: bounded in bytes.

Two generations: what is used moves to the young one; when that is full it becomes the old one, and the old one goes.
"""

from itertools import count

from schemas.records import Record

HOT_BYTES = 48 << 20  # for all tables of a worker together
SWELLING = 7  # a decoded profile takes about seven times its encoded bytes


class Hot:
    """Rows of all tables of a worker, by (table, key). `limit` in bytes of memory."""

    def __init__(self, limit: int = HOT_BYTES) -> None:
        self._half = limit // 2 // SWELLING
        self._young: dict[tuple[int, str], tuple[Record, int]] = {}
        self._old: dict[tuple[int, str], tuple[Record, int]] = {}
        self._filled = 0
        self._numbers = count()

    def enrol(self) -> int:
        """Return a number for a table, which no other has had."""
        return next(self._numbers)  # one step of the interpreter: threads that restore ask for one too

    def get(self, table: int, key: str) -> Record | None:
        """Return a row, if it is here."""
        place = table, key
        found = self._young.get(place)
        if found is None:
            found = self._old.pop(place, None)
            if found is None:
                return None
            self._add(place, found)
        return found[0]

    def put(self, table: int, key: str, row: Record, size: int) -> None:
        """Keep a row; `size` is that of its encoded bytes."""
        place = table, key
        self._old.pop(place, None)
        _, before = self._young.get(place, (None, 0))
        self._filled -= before
        self._add(place, (row, size))

    def drop(self, table: int, key: str) -> None:
        """Forget a row."""
        place = table, key
        self._old.pop(place, None)
        _, before = self._young.pop(place, (None, 0))
        self._filled -= before

    def clear(self) -> None:
        """Forget all rows."""
        self._young, self._old, self._filled = {}, {}, 0

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def _add(self, place: tuple[int, str], found: tuple[Record, int]) -> None:
        self._young[place] = found
        self._filled += found[1]
        if self._filled > self._half:
            self._old, self._young, self._filled = self._young, {}, 0
