"""Where committed state rests: one store for each table and partition, encoded values by key.

A store never sees what has not been committed, and takes a transaction's rows together with the changelog position they
bring it to. So it always stands at some point of its changelog: losing it costs time, not state.
"""

from collections.abc import Iterator, Mapping
from typing import Protocol

from schemas.topics import TOMBSTONES_S

Changes = Mapping[bytes, bytes | None]  # None removes a row
STALE_S = TOMBSTONES_S / 2  # after so long a changelog may have forgotten deletions that a store has not seen


class StoreBroken(Exception):
    """The store cannot be read or written: the worker ends, and the next one rebuilds the state from its changelog."""


class Store(Protocol):
    """Encoded rows by key. Its methods raise `StoreBroken`.

    `log` = the id of the changelog that the rows are from ("" = none yet), `position` = its next offset to read.
    """

    log: str
    position: int

    @property
    def size(self) -> int:
        """How many bytes its rows take, roughly where counting would cost."""
        ...

    def get(self, key: bytes) -> bytes | None:
        """Return a row."""

    def apply(self, changes: Changes, position: int, whole_at: float | None = None) -> None:
        """Set rows and the position, all or nothing.

        `whole_at`: at that time (seconds since the epoch) this was all that the changelog held.
        """

    def reset(self, log: str, now: float) -> None:
        """Forget all rows: those to come are of that changelog, from its beginning."""

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield every row."""
        ...

    def __len__(self) -> int:
        """Return how many rows there are, roughly where counting would cost."""
        ...

    def close(self) -> None:
        """Give back what the store holds; it is not used again."""


class MemoryStore:
    """Rows in a dict: fast, and rebuilt from the changelog at each start."""

    def __init__(self) -> None:
        self._rows: dict[bytes, bytes] = {}
        self.size = 0
        self.log = ""
        self.position = 0

    def get(self, key: bytes) -> bytes | None:
        """Return a row."""
        return self._rows.get(key)

    def apply(self, changes: Changes, position: int, whole_at: float | None = None) -> None:  # noqa: ARG002 - it does not outlive the process
        """Set rows and the position."""
        for key, value in changes.items():
            old = self._rows.get(key)
            if old is not None:
                self.size -= len(key) + len(old)
            if value is not None:  # not popped first: a dict would grow to twice its size
                self._rows[key] = value
                self.size += len(key) + len(value)
            elif old is not None:
                del self._rows[key]
        self.position = position

    def reset(self, log: str, now: float) -> None:  # noqa: ARG002
        """Forget all rows."""
        self._rows.clear()
        self.size = 0
        self.log, self.position = log, 0

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield every row, in no order."""
        return iter(self._rows.items())

    def __len__(self) -> int:
        return len(self._rows)

    def close(self) -> None:
        """Forget all rows."""
        self._rows.clear()
        self.size = 0
