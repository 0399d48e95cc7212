"""A CSV file as rows by column, one at a time, whatever its size: encodings, delimiters, quoted lines, broken rows."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

__all__ = ["Bad", "Row", "Table", "Unreadable"]

DELIMITERS = ",;\t|"
SNIFFED = 65_536  # bytes of the beginning that tell encoding and delimiter
LARGEST_CELL = 65_536  # characters: a quote that is never closed would take in the rest of the file
MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


class Unreadable(Exception):
    """The file as a whole cannot be used; the text says what to do."""


class Row(NamedTuple):
    """One row. `number` counts rows after the header from 1; `line` is where it begins in the file."""

    number: int
    line: int
    cells: dict[str, str]


class Bad(NamedTuple):
    """A row that cannot be read, and why; the next one can."""

    number: int
    line: int
    reason: str
    detail: str


class Table:
    """A CSV file with a header. `encoding` and `delimiter` "" = found from its beginning. Raises `Unreadable`."""

    def __init__(self, path: Path, encoding: str = "", delimiter: str = "") -> None:
        try:
            self._file: BinaryIO = path.open("rb")
            head = self._file.read(SNIFFED)
            self._file.seek(0)
        except OSError as error:
            raise Unreadable(f"{path} cannot be read ({error.strerror})") from None
        self.size = path.stat().st_size
        self.encoding = encoding or next((name for mark, name in MARKS.items() if head.startswith(mark)), "utf-8")
        try:
            beginning = head.decode(self.encoding, errors="replace")
            # A byte that is none of the encoding's spoils its row, not the file.
            self._text = io.TextIOWrapper(self._file, self.encoding, errors="surrogateescape", newline="")
        except LookupError:
            self._file.close()
            raise Unreadable(f"--encoding {encoding} is not known; try utf-8, cp1252 or utf-16") from None
        first = beginning.splitlines()[0] if beginning.strip() else ""
        self.delimiter = delimiter or max(DELIMITERS, key=first.count)
        csv.field_size_limit(LARGEST_CELL)
        self._reader = csv.reader(self._text, delimiter=self.delimiter, strict=True)
        try:
            self.columns = self._header(path)
        except Unreadable:
            self.close()
            raise

    def _header(self, path: Path) -> tuple[str, ...]:
        try:
            names = tuple([name.strip() for name in next(self._reader)])
        except StopIteration:
            raise Unreadable(f"{path} is empty; its first line must name the columns") from None
        except (csv.Error, UnicodeError) as error:
            raise Unreadable(f"{path}, line 1: {error}; say --delimiter and --encoding") from None
        if _undecoded("".join(names)):
            raise Unreadable(f"{path}, line 1: not {self.encoding}; say --encoding, for instance cp1252")
        if twice := sorted({name for name in names if name and names.count(name) > 1}):
            raise Unreadable(f"{path}, line 1: two columns are called {', '.join(twice)}; name each once")
        return names

    def rows(self) -> Iterator[Row | Bad]:
        """Yield every row; lines that are empty are none. The file is closed in the end."""
        try:
            yield from self._rows()
        finally:
            self.close()

    def _rows(self) -> Iterator[Row | Bad]:
        number, line = 0, self._reader.line_num + 1
        while True:
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                number += 1
                yield Bad(number, line, "unparseable", str(error))
                line = self._reader.line_num + 1
                continue
            except UnicodeError as error:  # UTF-16 has no bytes to be escaped: what follows cannot be told
                yield Bad(number + 1, line, "unparseable", f"not {self.encoding}: {type(error).__name__}; the rest too")
                return
            if any(cells):
                number += 1
                yield self._row(number, line, cells)
            line = self._reader.line_num + 1

    def _row(self, number: int, line: int, cells: list[str]) -> Row | Bad:
        if len(cells) != len(self.columns):
            return Bad(number, line, "unparseable", f"{len(cells)} cells under {len(self.columns)} columns")
        if _undecoded("".join(cells)):
            return Bad(number, line, "unparseable", f"not {self.encoding}; say --encoding, for instance cp1252")
        return Row(number, line, {name: cell.strip() for name, cell in zip(self.columns, cells, strict=True) if name})

    def read_bytes(self) -> int:
        """Return how far the file has been read, bytes."""
        return self._file.tell() if not self._file.closed else self.size

    def close(self) -> None:
        """Let go of the file."""
        self._text.close()


def _undecoded(text: str) -> bool:
    """Tell whether a text holds bytes that its encoding does not have."""
    return not text.isascii() and any("\udc80" <= letter <= "\udcff" for letter in text)
