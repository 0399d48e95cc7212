"""What each column is, found from its cells, and what a row of them is to an estimator: numbers and categories by name.

Numbers stay numbers; dates become days before the row's time; free text becomes its words; what is missing is said.
Left out, each with its reason: what never changes, and what names the row (an id says nothing of the next one).
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple

from streams.domain.hazards import X
from streams.evaluation.dataset import Dataset
from streams.evaluation.values import dates, numbers

Put = Callable[[int, float | None, X], None]
MOSTLY = 0.95  # of the cells must read as a number or date; the rest are taken as they stand
FEW = 50  # rows: fewer say nothing of a column
TEXT_WORDS = 3  # a cell, on average, from which on a column is text
WORDS, LONGEST = 12, 64  # of a text that are looked at; characters of a category
DAY_S = 86_400.0
ID_NAME = re.compile(r"(^|[ _])(id|uuid|guid|key|hash|token)s?$")
LEAD_NAME = re.compile(r"^(user|lead|customer|visitor|contact|client|person)([ _]?(id|uuid|guid|key|hash))?$")


class Kind(StrEnum):
    """What a column holds."""

    NUMBER = "number"
    CATEGORY = "category"
    DATE = "date"
    TEXT = "text"
    CONSTANT = "left out: never changes"
    IDENTIFIER = "left out: names the row"


class Column(NamedTuple):
    """A column as it was understood, and `put(row, at, x)`, which writes a row's part of it into `x`."""

    name: str
    kind: Kind
    missing: int
    distinct: int
    put: Put | None


def understand(data: Dataset, without: frozenset[str]) -> list[Column]:
    """Return every column but those `without`, as they were understood."""
    return [_column(name, cells, data.separator) for name, cells in data.columns.items() if name not in without]


def row(columns: Sequence[Column], at: int, time: float | None) -> X:
    """Return what an estimator sees of row `at`; `time` = when it happened, None when only the order is known."""
    x: X = {}
    for column in columns:
        if column.put is not None:
            column.put(at, time, x)
    return x


def clock(times: Sequence[float | None]) -> list[Column]:
    """Return weekday and hour (UTC) as columns, where the rows' times tell them apart."""
    there = [time for time in times if time is not None]
    found = []
    for name, part in (("weekday", _weekday), ("hour", _hour)):
        distinct = len({part(time) for time in there})
        if distinct > 1:
            found.append(Column(f"{name} of the row", Kind.CATEGORY, 0, distinct, _told(f"{name} of the row", part)))
    return found


def lead_column(data: Dataset) -> str:
    """Return the column that names whose row it is, by its name and because it repeats; "" when there is none."""
    for name, cells in data.columns.items():
        distinct = len(set(cells))
        if LEAD_NAME.match(_spaced(name)) and FEW <= distinct <= data.rows / 1.5:
            return name
    return ""


def _column(name: str, cells: list[str | None], separator: str) -> Column:
    there = [cell for cell in cells if cell is not None]
    distinct, missing = len(set(there)), len(cells) - len(there)
    if not distinct or (distinct == 1 and not missing):
        return Column(name, Kind.CONSTANT, missing, distinct, None)
    found = (
        _numeric(name, cells, len(there), separator)
        or _dated(name, cells, there)
        or _spoken(name, cells, there, distinct)
    )
    kind, put = (Kind.IDENTIFIER, None) if _names_rows(name, found[0], there, distinct) else found
    return Column(name, kind, missing, distinct, put)


def _numeric(name: str, cells: list[str | None], there: int, separator: str) -> tuple[Kind, Put] | None:
    found = numbers(cells, separator)
    if sum(it is not None for it in found) < MOSTLY * there:
        return None
    return Kind.NUMBER, _measured(name, found, cells)


def _dated(name: str, cells: list[str | None], there: list[str]) -> tuple[Kind, Put] | None:
    if not any(char.isdigit() for char in there[0]):
        return None
    times = dates(there)
    if sum(it is not None for it in times) < MOSTLY * len(there):
        return None
    found = iter(times)
    return Kind.DATE, _aged(name, [None if cell is None else next(found) for cell in cells])


def _spoken(name: str, cells: list[str | None], there: list[str], distinct: int) -> tuple[Kind, Put]:
    words = sum(cell.count(" ") + 1 for cell in there) / len(there)
    if words >= TEXT_WORDS and distinct > max(FEW, len(there) / 10):
        return Kind.TEXT, _worded(name, cells)
    return Kind.CATEGORY, _named(name, cells)


def _names_rows(name: str, kind: Kind, there: list[str], distinct: int) -> bool:
    """Tell whether a column is an id: whole numbers or words that (nearly) never repeat, or so named and rarely do."""
    if kind is Kind.NUMBER:
        return len(there) >= 4 * FEW and distinct == len(there) and all(cell.isdecimal() for cell in there)
    if kind is not Kind.CATEGORY:
        return False
    never_again = len(there) >= FEW and distinct > 0.98 * len(there)
    return never_again or (bool(ID_NAME.search(_spaced(name))) and distinct > max(FEW, len(there) / 100))


def _measured(name: str, numbers: list[float | None], cells: list[str | None]) -> Put:
    flag = f"{name} given"

    def put(at: int, _: float | None, x: X) -> None:
        value = numbers[at]
        if value is None:
            x[flag] = (cells[at] or "no")[:LONGEST]
        else:
            x[name] = value

    return put


def _aged(name: str, times: list[float | None]) -> Put:
    first = min(it for it in times if it is not None)
    flag = f"{name} given"

    def put(at: int, time: float | None, x: X) -> None:
        value = times[at]
        if value is None:
            x[flag] = "no"
        else:
            x[name] = ((value - first) if time is None else (time - value)) / DAY_S

    return put


def _told(name: str, part: Callable[[float], int]) -> Put:
    def put(_: int, time: float | None, x: X) -> None:
        if time is not None:
            x[name] = str(part(time))

    return put


def _named(name: str, cells: list[str | None]) -> Put:
    def put(at: int, _: float | None, x: X) -> None:
        x[name] = (cells[at] or "(none)")[:LONGEST]

    return put


def _worded(name: str, cells: list[str | None]) -> Put:
    split = [sorted(set(re.findall(r"\w+", (cell or "").lower())))[: 4 * WORDS] for cell in cells]
    known = Counter(word for words in split for word in words)

    def put(at: int, _: float | None, x: X) -> None:
        common = sorted((word for word in split[at] if known[word] > 1), key=lambda word: (-known[word], word))
        x.update((f"{name}: {word}", "yes") for word in common[:WORDS])

    return put


def _weekday(time: float) -> int:
    return int(time // DAY_S + 3) % 7


def _hour(time: float) -> int:
    return int(time % DAY_S // 3_600)


def _spaced(name: str) -> str:
    """Return a name in lower case, its parts set apart: `leadID` and `Lead-Id` are `lead_id`."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()).strip("_")
