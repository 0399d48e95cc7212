"""A table: one agent's state for one partition, seen through what the running transaction would make of it.

Reads go overlay, then recently used records, then the store. Writes go to the overlay, become changelog records when
the transaction closes, and reach the store only when it has committed.
"""

from collections.abc import Callable, Iterator

from schemas.codec import Codec
from schemas.letters import LARGEST
from schemas.records import Record
from schemas.rejected import Reason, Rejected
from schemas.topics import Topic
from streams.engine.alarms import Alarms
from streams.engine.hot import Hot
from streams.engine.store import Changes, Store


class RowUnfit(Exception):
    """A row cannot be written, or is larger than its changelog takes: do the round again, each row is now looked at."""


class Table:
    """State of one partition of one changelog topic.

    `whole_at`: when it last held all of its changelog, seconds since the epoch; None = that is for its store to know.
    `careful`: rows are measured as they are written and not only when the transaction closes, until one has committed.
    It costs an encoding for each write, so it is on only while a row is known to be unfit.
    """

    def __init__(self, changelog: Topic, partition: int, store: Store, codec: Codec, hot: Hot | None = None) -> None:
        self.changelog, self.partition, self.store = changelog, partition, store
        self._codec = codec
        self._overlay: dict[str, Record | None] = {}
        self._encoded: dict[bytes, bytes | None] = {}
        self._delivered = 0
        self.careful = False
        self.whole_at: float | None = None
        self._hot = hot or Hot()
        self._number = self._hot.enrol()
        self._alarms: Alarms | None = None

    def get(self, key: str) -> Record | None:
        """Return the row as the running transaction sees it. Raises `Rejected`, `StoreBroken`."""
        if key in self._overlay:
            return self._overlay[key]
        row = self._hot.get(self._number, key)
        if row is None:
            value = self.store.get(key.encode())
            if value is None:
                return None
            row = self._codec.decode(value, self.changelog.records)
            self._hot.put(self._number, key, row, len(value))
        return row

    def measure(self, key: str, row: Record | None) -> tuple[bytes, bytes | None]:
        """Return a row as the changelog takes it, or raise when it does not: whoever made it so is at fault.

        `Rejected` for its size; whatever encoding it raises.
        """
        encoded, value = key.encode(), None if row is None else self._codec.encode(row)
        if value is not None and (size := len(encoded) + len(value)) > LARGEST:
            raise Rejected(Reason.INVALID_VALUE, f"makes a row of {size} bytes for {self.changelog.name}")
        return encoded, value

    def put(self, key: str, row: Record | None) -> None:
        """Set a row, for this transaction so far; None deletes it."""
        self._overlay[key] = row

    def alarms(self, due: Callable[[Record], float | None]) -> Alarms:
        """Return what is to be woken, by when rows are `due`: read from all rows once, after a restore."""
        if self._alarms is None:
            self._alarms = Alarms(self._hints(due))
        return self._alarms

    def _hints(self, due: Callable[[Record], float | None]) -> Iterator[tuple[float, str]]:
        for key, value in self.store.items():
            try:
                at = due(self._codec.decode(value, self.changelog.records))
            except Rejected:  # nobody's alarm: whoever asks for the row will hear of it
                continue
            if at is not None:
                yield at, key.decode()

    def changes(self) -> Iterator[tuple[bytes, bytes | None]]:
        """Encode what has changed, one changelog record per key however often it was written (None = a tombstone).

        Raises `RowUnfit`, and is careful from then on.
        """
        for key, row in self._overlay.items():
            encoded, value = self.encoded(key, row)
            self._encoded[encoded] = value
            yield encoded, value

    def encoded(self, key: str, row: Record | None) -> tuple[bytes, bytes | None]:
        """Return a row as the changelog takes it. Raises `RowUnfit`, and is careful from then on."""
        try:
            return self.measure(key, row)
        except Exception as error:
            self.careful = True
            raise RowUnfit(f"a row for {self.changelog.name}: {error!r}") from error

    def delivered(self, offset: int) -> None:
        """Be told where a changelog record of this transaction has come to lie."""
        self._delivered = max(self._delivered, offset + 1)

    def commit(self, whole_at: float) -> None:
        """Make the overlay the state. Call only after the transaction has committed. Raises `StoreBroken`.

        `whole_at` = a time before that commit, seconds since the epoch: by it we owned the partition.
        """
        if self._encoded:
            self.store.apply(self._encoded, max(self.store.position, self._delivered), whole_at)
            self.whole_at = whole_at
        for (key, row), value in zip(self._overlay.items(), self._encoded.values(), strict=True):
            if row is None or value is None:
                self._hot.drop(self._number, key)
            else:
                self._hot.put(self._number, key, row, len(value))
        self.careful = False
        if self._alarms is not None:
            self._alarms.commit()
        self.abort()

    def abort(self) -> None:
        """Forget what the transaction wrote."""
        if self._alarms is not None:
            self._alarms.abort()
        self._overlay = {}
        self._encoded = {}
        self._delivered = 0

    def restore(self, changes: Changes, position: int) -> None:
        """Take rows from the changelog, read up to `position`. Raises `StoreBroken`."""
        self._forget_hot()
        self._alarms = None
        self.store.apply(changes, position)

    def reset(self, log: str, now: float) -> None:
        """Forget all rows: the changelog is another one by now. Raises `StoreBroken`."""
        self._forget_hot()
        self._alarms = None
        self.store.reset(log, now)
        self.whole_at = now

    def whole(self, at: float) -> None:
        """Be told that at that time the store held all of its changelog. Raises `StoreBroken`."""
        self.store.apply({}, self.store.position, at)
        self.whole_at = at

    def _forget_hot(self) -> None:
        self._number = (
            self._hot.enrol()
        )  # nobody asks for the old number's rows any more: they go with their generation
