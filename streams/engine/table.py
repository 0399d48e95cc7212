"""A table: one agent's state for one partition, seen through what the running transaction would make of it.

Reads go overlay, then recently used records, then the store. Writes go to the overlay, become changelog records when
the transaction closes, and reach the store only when it has committed.
"""

from collections.abc import Iterator, Mapping

from schemas.codec import Codec
from schemas.records import Record
from schemas.topics import Topic
from streams.engine.store import Store

HOT_ROWS = 50_000


class Table:
    """State of one partition of one changelog topic."""

    def __init__(self, changelog: Topic, partition: int, store: Store, codec: Codec, hot_rows: int = HOT_ROWS) -> None:
        self.changelog, self.partition, self.store = changelog, partition, store
        self._codec = codec
        self._overlay: dict[str, Record | None] = {}
        self._encoded: dict[str, bytes | None] = {}
        self._delivered = 0
        self._hot: dict[str, Record] = {}
        self._hot_rows = hot_rows

    def get(self, key: str) -> Record | None:
        """Return the row as the running transaction sees it. Raises `Rejected`, `StoreBroken`."""
        if key in self._overlay:
            return self._overlay[key]
        row = self._hot.get(key)
        if row is None:
            value = self.store.get(key)
            if value is None:
                return None
            row = self._hot[key] = self._codec.decode(value, self.changelog.records)
        return row

    def put(self, key: str, row: Record | None) -> None:
        """Set a row, for this transaction so far; None deletes it."""
        self._overlay[key] = row

    def changes(self) -> Iterator[tuple[str, bytes | None]]:
        """Encode what has changed, one changelog record per key however often it was written (None = a tombstone)."""
        for key, row in self._overlay.items():
            value = None if row is None else self._codec.encode(row)
            self._encoded[key] = value
            yield key, value

    def delivered(self, offset: int) -> None:
        """Be told where a changelog record of this transaction has come to lie."""
        self._delivered = max(self._delivered, offset + 1)

    def commit(self) -> None:
        """Make the overlay the state. Call only after the transaction has committed. Raises `StoreBroken`."""
        if self._encoded:
            self.store.apply(self._encoded, max(self.store.position, self._delivered))
        for key, row in self._overlay.items():
            if row is None:
                self._hot.pop(key, None)
            else:
                self._hot[key] = row
        self.abort()
        if len(self._hot) > self._hot_rows:
            for key in list(self._hot)[: len(self._hot) - self._hot_rows // 2]:
                del self._hot[key]

    def abort(self) -> None:
        """Forget what the transaction wrote."""
        self._overlay = {}
        self._encoded = {}
        self._delivered = 0

    def restore(self, changes: Mapping[str, bytes | None], position: int) -> None:
        """Take rows from the changelog, read up to `position`. Raises `StoreBroken`."""
        for key in changes:
            self._hot.pop(key, None)
        self.store.apply(changes, position)
