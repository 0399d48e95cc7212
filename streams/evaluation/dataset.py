"""A CSV file as rows of text: separator found, compressed or not, every complaint names its column and line."""

import csv
import gzip
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

if TYPE_CHECKING:
    from _csv import Reader

MISSING = frozenset(
    {"", "na", "n/a", "nan", "null", "none", "nil", "?", "-", "#n/a", "<na>"}
    | {sign + name for sign in ("", "+", "-") for name in ("inf", "infinity")}
)
ENCODINGS = ("utf-16", "utf-8-sig", "cp1252")  # the first only where a mark begins the file
ANY_BYTES = "latin-1"
SEPARATORS = ",;\t|"
LONGEST = 10 << 20  # characters of one cell


class DataError(Exception):
    """The file, or what was said of it, cannot be used; the text names the column."""


class Dataset(NamedTuple):
    """The rows of a file: `columns[name][row]` is a cell's text, None where it is missing."""

    columns: dict[str, list[str | None]]
    rows: int
    separator: str = ","

    def column(self, name: str, option: str) -> list[str | None]:
        """Return a column. Raises `DataError` when there is none of that name."""
        if name not in self.columns:
            raise DataError(f"{option} {name}: there is no such column; the file has {', '.join(self.columns)}")
        return self.columns[name]

    def ordered(self, order: Sequence[int]) -> "Dataset":
        """Return the same rows in another order."""
        columns = {name: [cells[at] for at in order] for name, cells in self.columns.items()}
        return Dataset(columns, len(order), self.separator)


def read(path: Path, names: Sequence[str] = ()) -> Dataset:
    """Return the rows of a CSV file (RFC 4180; `,` `;` tab or `|`; `.gz` as well). `names` = the file has no header.

    It is UTF-16 where it says so, else UTF-8, else Windows-1252. Raises `DataError`.
    """
    try:
        for encoding in ENCODINGS:
            with suppress(UnicodeError):
                return _read(path, names, encoding)
        return _read(path, names, ANY_BYTES)
    except (OSError, EOFError, csv.Error) as error:
        raise DataError(f"--data {path}: {error}") from None


def _read(path: Path, names: Sequence[str], encoding: str) -> Dataset:
    csv.field_size_limit(LONGEST)
    with _opened(path, encoding) as file:
        header = re.sub('"[^"]*"', "", next((line for line in file if line.strip()), ""))
        separator = max(SEPARATORS, key=header.count)
        file.seek(0)
        return _parsed(csv.reader(file, delimiter=separator), list(names), path)._replace(separator=separator)


def _opened(path: Path, encoding: str) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding=encoding, newline="")
    return path.open(encoding=encoding, newline="")


def _parsed(lines: "Reader", names: list[str], path: Path) -> Dataset:
    header = names or [name.strip() for name in next(filter(None, lines), [])]
    if not header:
        raise DataError(f"--data {path}: the file is empty")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(f"--data {path}: column {twice[0]!r} is there twice")
    columns: dict[str, list[str | None]] = {name or f"column {at + 1}": [] for at, name in enumerate(header)}
    cells = list(columns.values())
    rows = 0
    for line in lines:
        if not line:
            continue
        if len(line) != len(cells):
            raise DataError(
                f"--data {path}: line {lines.line_num} has {len(line)} cells, the header has {len(cells)} "
                f"(the last is {header[-1]!r})"
            )
        for column, cell in zip(cells, line, strict=True):
            text = cell.strip()
            column.append(None if text.lower() in MISSING else text)
        rows += 1
    if not rows:
        raise DataError(f"--data {path}: there is a header and no row")
    return Dataset(columns, rows)
