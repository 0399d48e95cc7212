"""Which rows were positive, and when that was known."""

from collections.abc import Sequence

from streams.evaluation.dataset import DataError, Dataset
from streams.evaluation.values import dates, number

POSITIVE = ("1", "1.0", "yes", "true", "y", "t", "won", "converted", "conversion", "positive", "purchase", "subscribed")
NEGATIVE = ("0", "no", "false", "n", "f", "lost", "not converted", "none", "negative", "-1", "0.0")

MS_1980, MS_2100 = 315_532_800_000.0, 4_102_444_800_000.0


def labels(data: Dataset, told: str) -> list[int | None]:
    """Return each row's label: 1, 0, or None where the cell is empty. `told` = COLUMN or COLUMN=POSITIVE VALUE.

    Where the only value is one like `1` or `yes`, an empty cell is a 0.

    Raises `DataError`.
    """
    name, _, wanted = (told, "", "") if told in data.columns else told.partition("=")
    cells = data.column(name, "--label")
    values = sorted({cell for cell in cells if cell is not None})
    if wanted:
        if wanted not in values:
            raise DataError(f"--label {told}: no row has {wanted!r} in column {name}")
        others = None if len(values) > 1 else 0  # of those that have no cell
        return [others if cell is None else int(cell == wanted) for cell in cells]
    if len(values) > 2 or not values:
        few = ", ".join(map(repr, values[:5]))
        raise DataError(
            f"--label {name}: a label has two values, this column has {len(values)} ({few}…); "
            f"say which is the positive one: --label '{name}=VALUE'"
        )
    if len(values) == 1 and None in cells and values[0].casefold() in POSITIVE:
        return [int(cell is not None) for cell in cells]  # who converted is marked, and nobody else
    if len(values) == 1:
        raise DataError(f"--label {name}: every row has {values[0]!r}; there is nothing to learn")
    positive = _positive(name, values)
    return [None if cell is None else int(cell == positive) for cell in cells]


def times(data: Dataset, name: str, option: str) -> list[float | None]:
    """Return a column of times: seconds since the epoch (also of milliseconds), or numbers that order the rows.

    Raises `DataError` that names the line of a cell that is neither.
    """
    cells = data.column(name, option)
    there = [cell for cell in cells if cell is not None]
    numbers = [number(cell) for cell in there]
    read = numbers if sum(it is None for it in numbers) * 20 <= len(there) else dates(there)
    in_ms = all(it is None or MS_1980 < it < MS_2100 for it in read)
    found = iter(it / 1000 if in_ms and it is not None else it for it in read)
    times = [None if cell is None else next(found) for cell in cells]
    for at, (cell, time) in enumerate(zip(cells, times, strict=True)):
        if cell is not None and time is None:
            raise DataError(f"{option} {name}: {cell[:40]!r} in row {at + 1} is neither a date nor a number")
    return times


def are_dates(values: Sequence[float | None]) -> bool:
    """Tell whether times are seconds since the epoch of some day from 1980 to 2100, not mere numbers in order."""
    there = [value for value in values if value is not None]
    return bool(there) and min(there) > MS_1980 / 1000 and max(there) < MS_2100 / 1000


def _positive(name: str, values: list[str]) -> str:
    by_word = {value.lower(): value for value in values}
    for words, pick in ((POSITIVE, 0), (NEGATIVE, 1)):
        for word in words:
            if word in by_word:
                other = next(value for value in values if value != by_word[word])
                return (by_word[word], other)[pick]
    read = [number(value) for value in values]
    if read[0] is not None and read[1] is not None:
        return values[0] if read[0] > read[1] else values[1]
    raise DataError(
        f"--label {name}: which of {values[0]!r} and {values[1]!r} is positive? Say it: --label '{name}={values[1]}'"
    )
