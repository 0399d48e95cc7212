"""Which rows were positive, and when that was known."""

from collections.abc import Sequence

from streams.domain.identity import words
from streams.evaluation.dataset import DataError, Dataset
from streams.evaluation.values import dates, number, numbers

POSITIVE = words(
    "1 1.0 yes true won converted conversion positive purchase subscribed bought accepted success "
    "ja wahr gewonnen oui vrai sí si verdadero sim verdadeiro sì vero tak prawda ano да истина evet はい 是"
)
NEGATIVE = words(
    "0 0.0 -1 no false lost none negative rejected failure unconverted not_converted "
    "nein falsch verloren non faux falso não nao nie fałsz ne нет ложь hayır いいえ 否"  # noqa: RUF001 (Turkish)
)
LETTERS = frozenset({("y", "n"), ("t", "f"), ("j", "n"), ("o", "n"), ("s", "n")})  # positive, negative; no other two

EPOCH_1980, EPOCH_2100 = 315_532_800.0, 4_102_444_800.0
UNITS = (1e3, 1e6, 1e9)  # of a second: milli, micro, nano


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
    if len(values) == 1 and None in cells and _word(values[0]) in POSITIVE:
        return [int(cell is not None) for cell in cells]  # who converted is marked, and nobody else
    if len(values) == 1:
        raise DataError(f"--label {name}: every row has {values[0]!r}; there is nothing to learn")
    positive = _positive(name, values)
    return [None if cell is None else int(cell == positive) for cell in cells]


def times(data: Dataset, name: str, option: str) -> list[float | None]:
    """Return a column of times: seconds since the epoch (also of ms, µs or ns), or numbers that order the rows.

    Raises `DataError` that names the line of a cell that is neither.
    """
    cells = data.column(name, option)
    there = [cell for cell in cells if cell is not None]
    read = numbers(there, data.separator)
    if sum(it is None for it in read) * 20 > len(there):
        read = dates(there)
    unit = next((it for it in UNITS if are_dates([None if at is None else at / it for at in read])), 1.0)
    found = iter(None if at is None else at / unit for at in read)
    times = [None if cell is None else next(found) for cell in cells]
    for at, (cell, time) in enumerate(zip(cells, times, strict=True)):
        if cell is not None and time is None:
            raise DataError(f"{option} {name}: {cell[:40]!r} in row {at + 1} is neither a date nor a number")
    return times


def are_dates(values: Sequence[float | None]) -> bool:
    """Tell whether times are seconds since the epoch of some day from 1980 to 2100, not mere numbers in order."""
    there = [value for value in values if value is not None]
    return bool(there) and min(there) > EPOCH_1980 and max(there) < EPOCH_2100


def _positive(name: str, values: list[str]) -> str:
    """Return which of two values is the positive one, where it is plain; else raise `DataError`: nothing is guessed."""
    found = [value for value, other in (values, values[::-1]) if _is_plain(_word(value), _word(other))]
    if len(found) == 1:
        return found[0]
    raise DataError(
        f"--label {name}: which of {values[0]!r} and {values[1]!r} is positive? Say it: --label '{name}={values[1]}'"
    )


def _is_plain(value: str, other: str) -> bool:
    """Tell whether it is plain that a value is positive beside another: by words, or being above a 0 or a -1."""
    one, rest = number(value), number(other)
    if one is not None and rest is not None:
        return one > 0.0 and rest in (0.0, -1.0)
    if (value, other) in LETTERS:
        return True
    return value not in NEGATIVE and other not in POSITIVE and (value in POSITIVE or other in NEGATIVE)


def _word(value: str) -> str:
    return value.casefold().replace(" ", "_")
