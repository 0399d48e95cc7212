"""Replays a real data set in its own order: its columns tell which it is, its labels are revealed some rows later."""

import csv
import random
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from streams.demo import contacts, shoppers
from streams.demo.journeys import PERIOD
from streams.demo.rows import Unreadable
from streams.demo.sends import Event, Send, pack

LAG = 25  # rows between what a customer did and the outcome of it


class Kind(Protocol):
    """One kind of file: how to recognise it, and what a row of it says."""

    @property
    def COLUMNS(self) -> tuple[str, ...]:  # noqa: N802 - a module's constant
        """The columns it must have, in the order of a file without header."""

    def matches(self, cells: list[str]) -> bool:
        """Tell whether a first line is one of this kind."""

    def kept(self) -> list[str]:
        """Return the traits that a model may see."""

    def lived(self, row: Mapping[str, str], index: int, name: str, at: float, told_at: float) -> list[Event]:
        """Return what a row says, the outcome last, told at `told_at`. Raises `Unreadable`."""


KINDS: dict[str, Kind] = {
    "UCI Online Shoppers (18 columns from Administrative to Revenue, `,`, with or without header)": shoppers,
    "UCI Bank Marketing (a header with age, job, marital, ..., y, `;` or `,`)": contacts,
}


class Table(NamedTuple):
    """An opened file: its kind, its columns, the number of its rows and of the line its first row is on."""

    kind: Kind
    columns: list[str]
    delimiter: str
    rows: int
    first: int


def recognise(path: Path) -> Table:
    """Tell what kind of file this is. Raises `Unreadable`, naming what is understood."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            line = file.readline()
            lines = 1 + sum(1 for _ in file)
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"{path} cannot be read: {error}") from error
    delimiter = ";" if line.count(";") > line.count(",") else ","
    cells = next(csv.reader([line], delimiter=delimiter), [])
    for kind in KINDS.values():
        if kind.matches(cells):
            header = set(kind.COLUMNS) <= set(cells)
            columns = cells if header else list(kind.COLUMNS)
            return Table(kind, columns, delimiter, lines - header, 1 + header)
    known = "".join(f"\n  - {name}" for name in KINDS)
    raise Unreadable(f"{path} is no data set that can be replayed (--data); there are:{known}")


def replay(path: Path, events: int, ends: float, seed: int = 0) -> Iterator[Send]:
    """Yield the requests that replay the file, at least `events` events if it has them (0 = all of it).

    Its rows are spread over the thirty days before `ends` (s, UTC). Raises `Unreadable`, naming the line.
    """
    return pack(timeline(path, events, ends, f"{seed}-{int(ends):x}"), random.Random(seed))


def timeline(path: Path, events: int, ends: float, name: str) -> Iterator[Event]:
    """Yield the single events of `replay` in the order in which they are sent."""
    table = recognise(path)
    step = PERIOD / (table.rows + LAG + 1)
    told: deque[Event] = deque()
    planned = 0
    for index, (line, row) in enumerate(_rows(path, table)):
        at = ends - PERIOD + index * step
        try:
            *lived, outcome = table.kind.lived(row, index, name, at, at + LAG * step)
        except Unreadable as error:
            raise Unreadable(f"{path}, line {line}: {error}") from error
        while told and told[0].at <= at:
            yield told.popleft()
        yield from lived
        told.append(outcome)
        planned += len(lived) + 1
        if events and planned >= events:
            break
    yield from told


def _rows(path: Path, table: Table) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row under its columns' names, with the number of its line."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=table.delimiter)
        for cells in reader:
            if reader.line_num < table.first or not cells:
                continue
            if len(cells) != len(table.columns):
                raise Unreadable(f"{path}, line {reader.line_num}: {len(cells)} cells, not {len(table.columns)}")
            yield reader.line_num, dict(zip(table.columns, cells, strict=True))
