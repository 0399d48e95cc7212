"""What a cell says: numbers and times as people write them."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from math import isfinite

SIGNS, EXPONENT = "[%€$£]", r"(?:[eE][+-]?\d+)?"
POINTED = re.compile(
    rf"^{SIGNS}?\s*([+-]?(?:[1-9]\d{{0,2}}(?:[,'\u2019]\d{{3}})+|\d*)(?:\.\d*)?{EXPONENT})\s*{SIGNS}?$"
)
WITH_COMMA = re.compile(
    rf"^{SIGNS}?\s*([+-]?(?:[1-9]\d{{0,2}}(?:[.\s'\u2019]\d{{3}})+|\d*)(?:,\d*)?{EXPONENT})\s*{SIGNS}?$"
)
DATES = ("%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y%m%d", "%d %b %Y", "%b %d %Y", "%d-%b-%Y")
TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
UNIT_S = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}


def number(text: str) -> float | None:
    """Return the number that a text is; None when it is none. Thousands, percent and currency signs are read over.

    >>> number("1,200.5"), number("12%"), number("-3e2"), number("1.2.3"), number("")
    (1200.5, 12.0, -300.0, None, None)
    """
    try:
        value = float(text)
    except ValueError:
        found = POINTED.match(text)
        return _plain(re.sub(r"[,'\u2019]", "", found[1])) if found else None
    return value if isfinite(value) else None


def with_comma(text: str) -> float | None:
    """Return the number that a text is where a comma is the decimal mark, as in most of Europe; None when it is none.

    >>> with_comma("1.200,5"), with_comma("12,5 %"), with_comma("1 200"), with_comma("-3"), with_comma("0.5")
    (1200.5, 12.5, 1200.0, -3.0, None)
    """
    found = WITH_COMMA.match(text)
    return _plain(re.sub(r"[.\s'\u2019]", "", found[1]).replace(",", ".")) if found else None


def numbers(cells: Sequence[str | None], separator: str = ",") -> list[float | None]:
    """Return the number in each cell of a column, None where there is none, whichever decimal mark the column has.

    Marks are commas when more cells can be read so; also when all can be read either way (`1,200`) and cells are not
    set apart by commas but by `separator`.

    >>> numbers(["1,5", "2"]), numbers(["1,200", "7.5"]), numbers(["1,200"]), numbers(["1,200"], ";")
    ([1.5, 2.0], [1200.0, 7.5], [1200.0], [1.2])
    """
    pointed = [None if cell is None else number(cell) for cell in cells]
    if not any(cell is not None and (read is None or "," in cell) for cell, read in zip(cells, pointed, strict=True)):
        return pointed
    read = [None if cell is None else with_comma(cell) for cell in cells]
    more = sum(it is not None for it in read) - sum(it is not None for it in pointed)
    return read if more > 0 or (more == 0 and separator == ";") else pointed


def iso(text: str) -> float | None:
    """Return the seconds since the epoch that an ISO 8601 text names, UTC where it names no zone; None if it is none.

    >>> iso("1970-01-01 01:00:00 UTC"), iso("1970-01-02"), iso("12")
    (3600.0, 86400.0, None)
    """
    if "-" not in text:
        return None
    try:
        return _seconds(datetime.fromisoformat(text.removesuffix(" UTC")))
    except ValueError:
        return None


def dates(texts: Sequence[str]) -> list[float | None]:
    """Return the time that each text names, None for each that names none, in the one format that reads most of them.

    >>> dates(["24/12/1970", "01/02/1970", "soon"])
    [30844800.0, 2678400.0, None]
    """
    best: list[float | None] = [iso(text) for text in texts]
    sample = texts[: 1 + len(texts) // 100] if len(texts) > 1000 else texts
    if sum(it is None for it in best) * 20 <= len(texts):
        return best
    for date in DATES:
        for time in TIMES:
            if not any(_read(text, date + time) is not None for text in sample):
                continue
            found = [_read(text, date + time) for text in texts]
            if sum(it is None for it in found) < sum(it is None for it in best):
                best = found
    return best


def duration(text: str) -> float | None:
    """Return the seconds of `90s`, `15m`, `12h`, `7d`, `2w`; None when it is no duration.

    >>> duration("7d"), duration("soon")
    (604800.0, None)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text.strip())
    return float(found[1]) * UNIT_S[found[2]] if found else None


def _plain(digits: str) -> float | None:
    try:
        value = float(digits)
    except ValueError:
        return None
    return value if isfinite(value) else None


def _read(text: str, form: str) -> float | None:
    try:
        return _seconds(datetime.strptime(text, form))  # noqa: DTZ007 (the zone is added after)
    except ValueError:
        return None


def _seconds(at: datetime) -> float:
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
