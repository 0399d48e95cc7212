"""Where committed state rests: one store for each table and partition, encoded values by key.

A store never sees what has not been committed. It is a cache of its changelog: losing it costs time, not state.
"""

from collections.abc import Iterator
from typing import Protocol


class Store(Protocol):
    """Encoded rows by key, and how far into the changelog they go."""

    position: int

    def get(self, key: str) -> bytes | None: ...
    def put(self, key: str, value: bytes | None) -> None: ...
    def items(self) -> Iterator[tuple[str, bytes]]: ...
    def __len__(self) -> int: ...
    def close(self) -> None: ...


class MemoryStore:
    """Rows in a dict: fast, and rebuilt from the changelog at each start. `position` = the next changelog offset to read."""

    def __init__(self) -> None:
        self._rows: dict[str, bytes] = {}
        self.position = 0

    def get(self, key: str) -> bytes | None:
        return self._rows.get(key)

    def put(self, key: str, value: bytes | None) -> None:
        """Set a row; None removes it."""
        if value is None:
            self._rows.pop(key, None)
        else:
            self._rows[key] = value

    def items(self) -> Iterator[tuple[str, bytes]]:
        return iter(self._rows.items())

    def __len__(self) -> int:
        return len(self._rows)

    def close(self) -> None:
        self._rows.clear()
