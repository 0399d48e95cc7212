"""A list's rows on their way to `events.crm`: each mapped, checked and sent, or reported with its line and the reason.

What has been done is noted beside the file once the broker has it, so that an interrupted import goes on where it was.
Rows that are sent a second time are the same events, and count once.
"""

import csv
import json
import os
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Protocol, Self

import msgspec

from connectors.lists.columns import ListMap
from connectors.lists.table import Bad, Row, Table, Unreadable
from connectors.sources import listed
from connectors.sources.listed import Basis, Did, Listed
from connectors.wrapping import wrapped
from schemas.codec import Codec
from schemas.records import RawEvent
from schemas.rejected import Rejected
from schemas.topics import EVENTS

__all__ = ["Done", "Importing", "Order", "Sends", "Suppressed"]

NOTED_EVERY = 1_000  # rows
Check = Callable[[RawEvent], None]


class Suppressed(Exception):
    """This person is not to be contacted: the row is reported, and not sent."""


class Sends(Protocol):
    """Where events go: `connectors.sending.Sending`."""

    def send(self, topic: str, key: bytes | None, value: bytes) -> None:
        """Send a record, soon."""

    def flush(self) -> None:
        """Return when the broker has all that was sent."""


class Order(NamedTuple):
    """What is to be imported: whose list it is, why we may have it, what the rows mean, and what people did."""

    list: str
    basis: Basis
    columns: ListMap
    did: Did
    pepper: bytes


class Done(msgspec.Struct):
    """How far an import has come: `row` is the last one dealt with; `fates` count sent, suppressed and reasons.

    `began_at`, seconds since the epoch, is when the rows without a time of their own are dated; `reported` = bytes of
    the report that belong to these rows.
    """

    file: str
    began_at: float
    row: int = 0
    fates: dict[str, int] = {}
    reported: int = 0
    whole: bool = False

    @property
    def sent(self) -> int:
        """How many rows were sent."""
        return self.fates.get("sent", 0)


class Importing:
    """One file's import. `check` raises `Rejected` or `Suppressed`; without `sends` nothing is sent or noted."""

    def __init__(
        self, path: Path, order: Order, *, report: Path, check: Check, codec: Codec, sends: Sends | None
    ) -> None:
        self._path, self._order, self._check, self._codec, self._sends = path, order, check, codec, sends
        self._report, self.note = report, path.with_name(f"{path.name}.import.json")

    def begin(self, now: float, anew: bool = False) -> Done:
        """Return where to go on: at the beginning, or after what was noted. Raises `Unreadable`."""
        fresh = Done(file=self._mark(), began_at=now)
        if self._sends is None or anew or not self.note.exists():
            return fresh
        try:
            noted = msgspec.json.decode(self.note.read_bytes(), type=Done)
        except (OSError, msgspec.DecodeError):
            raise Unreadable(f"{self.note} cannot be read; remove it, or say --restart") from None
        if noted.file != fresh.file:
            raise Unreadable(f"{self.note} is of another file, list or mapping; say --restart to import this one")
        return noted

    def run(self, table: Table, done: Done, progress: Callable[[Done, int], None]) -> Done:
        """Import what is left; `progress` hears of each stretch of rows and the bytes read. Raises `NotTakenError`."""
        fates = Counter(done.fates)
        with _Report(self._report, done.reported) as report:
            for row in table.rows():
                if row.number <= done.row:
                    continue
                fates[self._settle(row, done.began_at, report)] += 1
                done.row = row.number
                if row.number % NOTED_EVERY == 0:
                    self._note(done, fates, report)
                    progress(done, table.read_bytes())
            done.whole = True
            self._note(done, fates, report)
            progress(done, table.size)
        return done

    def _settle(self, row: Row | Bad, began_at: float, report: "_Report") -> str:
        """Send a row, or report it; return its fate."""
        if isinstance(row, Bad):
            report.add(row.line, row.reason, row.detail)
            return row.reason
        try:
            raw = self._event(row, began_at)
            self._check(raw)
        except Rejected as rejected:
            report.add(row.line, str(rejected.reason), rejected.detail)
            return str(rejected.reason)
        except Suppressed as suppressed:
            report.add(row.line, "suppressed", str(suppressed))
            return "suppressed"
        if self._sends is not None:
            self._sends.send(EVENTS[listed.CHANNEL].name, raw.key.encode(), self._codec.encode(raw))
        return "sent"

    def _event(self, row: Row, received_at: float) -> RawEvent:
        order = self._order
        fields, row_id, occurred_at, consent = order.columns.read(row.cells)
        said = Listed(order.basis, order.list, fields, order.did, occurred_at, consent)
        return wrapped(listed.NAME, listed.part(said, row_id, order.pepper), received_at)

    def _note(self, done: Done, fates: Counter[str], report: "_Report") -> None:
        done.fates = dict(fates)
        done.reported = report.flush()
        if self._sends is None:
            return
        self._sends.flush()
        beside = self.note.with_suffix(".part")
        beside.write_bytes(msgspec.json.encode(done))
        beside.replace(self.note)

    def _mark(self) -> str:
        """Return what tells this import from another: the file's size and its ends, and what it was told."""
        size = self._path.stat().st_size
        with self._path.open("rb") as file:
            ends = file.read(65_536)
            file.seek(max(size - 65_536, 0))
            ends += file.read()
        order = self._order
        told = json.dumps([size, order.list, order.basis, order.did, order.columns.model_dump(mode="json")])
        return blake2b(ends + told.encode(), digest_size=16).hexdigest()


class _Report(AbstractContextManager["_Report"]):
    """The file of the rows that were not sent; what was written after the last note is written again."""

    def __init__(self, path: Path, length: int) -> None:
        self._path, self._length = path, length

    def __enter__(self) -> Self:
        self._file = self._path.open("r+b" if self._length and self._path.exists() else "w+b")
        self._file.truncate(self._length)
        self._file.seek(0, os.SEEK_END)
        if not self._file.tell():
            self._write("line", "reason", "detail")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, line: int, reason: str, detail: str) -> None:
        """Report a row; `detail` names fields, never values."""
        self._write(str(line), reason, detail)

    def flush(self) -> int:
        """Return the file's length, bytes, once all of it is written."""
        self._file.flush()
        return self._file.tell()

    def _write(self, *cells: str) -> None:
        out = _Line()
        csv.writer(out).writerow(cells)
        self._file.write(out.text.encode())


class _Line:
    """What `csv.writer` writes a line to."""

    text = ""

    def write(self, text: str) -> None:
        self.text += text
