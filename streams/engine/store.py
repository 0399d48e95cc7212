"""Where committed state rests: one store for each table and partition, encoded values by key.

A store never sees what has not been committed. It is a cache of its changelog: losing it costs time, not state.
"""

from collections.abc import Iterator
from typing import Protocol


class Store(Protocol):
    """Encoded rows by key. `position` = the next offset of the changelog to read."""

    position: int

    def get(self, key: str) -> bytes | None:
        """Return a row."""

    def put(self, key: str, value: bytes | None) -> None:
        """Set a row; None removes it."""

    def items(self) -> Iterator[tuple[str, bytes]]:
        """Yield every row."""
        ...

    def __len__(self) -> int:
        """Return how many rows there are."""
        ...

    def close(self) -> None:
        """Give back what the store holds; it is not used again."""


class MemoryStore:
    """Rows in a dict: fast, and rebuilt from the changelog at each start."""

    def __init__(self) -> None:
        self._rows: dict[str, bytes] = {}
        self.position = 0

    def get(self, key: str) -> bytes | None:
        """Return a row."""
        return self._rows.get(key)

    def put(self, key: str, value: bytes | None) -> None:
        """Set a row; None removes it."""
        if value is None:
            self._rows.pop(key, None)
        else:
            self._rows[key] = value

    def items(self) -> Iterator[tuple[str, bytes]]:
        """Yield every row, in no order."""
        return iter(self._rows.items())

    def __len__(self) -> int:
        return len(self._rows)

    def close(self) -> None:
        """Forget all rows."""
        self._rows.clear()
