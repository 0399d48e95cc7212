"""Which rows of a partition are to be woken next: a heap of hints, each checked against its row when its time comes.

A hint may be stale: the row has moved on in the meantime. So the order in which rows are woken depends on the rows
alone, and the heap may be made anew from them at any time.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import heapify, heappop, heappush
from typing import NamedTuple, Protocol

from schemas.records import Record
from schemas.rejected import Rejected
from schemas.step import Alarm, Applied
from schemas.topics import Emit

Due = Callable[[str], float | None]  # when the row of a key is due, as the running transaction sees it
Fit = Callable[[Sequence[str], Applied], None]  # raises when what ringing made cannot be kept or sent; keys of its rows


class Rows(Protocol):
    """A table, as waking needs it."""

    def get(self, key: str) -> Record | None:
        """Return a row."""

    def put(self, key: str, row: Record | None) -> None:
        """Set a row; None deletes it."""


class Alarms:
    """`hints` are (time, key) of every row that is due some day; seconds since the epoch."""

    def __init__(self, hints: Iterable[tuple[float, str]]) -> None:
        self._heap = list(hints)
        heapify(self._heap)
        self._taken: list[tuple[float, str]] = []

    def set(self, key: str, at: float | None) -> None:
        """Be told when a row is due now."""
        if at is not None:
            heappush(self._heap, (at, key))

    def next(self, now: float, due: Due) -> str | None:
        """Take the key that has been due longest; None when none is."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            hint = heappop(heap)
            self._taken.append(hint)
            if due(hint[1]) == hint[0]:
                return hint[1]
        return None

    def commit(self) -> None:
        """What was taken is done."""
        self._taken.clear()

    def abort(self) -> None:
        """What was taken is due again."""
        for hint in self._taken:
            heappush(self._heap, hint)
        self._taken.clear()


class Woken(NamedTuple):
    """A row that was due: what it sends; or how its step failed, or what that made was unfit: the row is gone then."""

    key: str
    row: Record | None
    emits: tuple[Emit, ...] = ()
    failed: Exception | None = None


def hint(alarms: Alarms, alarm: Alarm, key: str, old: Record | None, new: Record | None) -> None:
    """Note when a row that has been written is due."""
    at = alarm.due(new) if new is not None else None
    if at != (alarm.due(old) if old is not None else None):
        alarms.set(key, at)


def _whatever(_keys: Sequence[str], _rung: Applied) -> None:
    """Take all that ringing makes."""


def wake(
    alarm: Alarm, alarms: Alarms, keys: Sequence[str], tables: Sequence[Rows], fit: Fit = _whatever
) -> Iterator[Woken]:
    """Wake the rows that are due by now, in the tables as a step of `keys` has left them; yield what each comes to."""
    rows = tables[0]

    def due(key: str) -> float | None:
        try:
            row = rows.get(key)
        except Rejected:  # unreadable, so nobody's alarm: whoever asks for the row will hear of it
            return None
        return alarm.due(row) if row is not None else None

    for _ in range(alarm.most):
        others = tuple([table.get(key) for table, key in zip(tables[1:], keys[1:], strict=True)])
        key = alarms.next(alarm.now((None, *others)), due)
        if key is None:
            return
        row = rows.get(key)
        try:
            rung = alarm.ring((row, *others))
            fit((key, *keys[1:]), rung)
        except Exception as error:  # noqa: BLE001 - whatever it is, the row's
            rows.put(key, None)
            yield Woken(key, row, failed=error)
            continue
        after, emits, _ = rung
        for table, of, old, new in zip(tables, (key, *keys[1:]), (row, *others), after, strict=True):
            if new is not old:
                table.put(of, new)
        hint(alarms, alarm, key, None, after[0])
        yield Woken(key, row, emits)
