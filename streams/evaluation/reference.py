"""What to beat: LightGBM, trained anew on every label known so far, each time 250 more are known.

It sees the same rows, and each label when the scorer does. Needs the optional package: `pip install
'leadstream[evaluate]'`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from streams.domain.hazards import X
from streams.evaluation.timeline import Ask, Tell

if TYPE_CHECKING:
    import numpy as np

EVERY = 250  # labels
TREES = 150
VALUES = 200  # of one category that are told apart; the rest are one
WORDS = 200  # columns made of words of texts
PARAMETERS = {
    "objective": "binary",
    "num_leaves": 15,
    "learning_rate": 0.05,
    "min_data_in_leaf": 20,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "seed": 1,
    "verbosity": -1,
}


def missing() -> str:
    """Return why LightGBM cannot be used here; "" when it can."""
    try:
        import lightgbm  # noqa: F401
    except ImportError:
        return "LightGBM is not installed: pip install 'leadstream[evaluate]'"
    except OSError as error:
        return f"LightGBM does not load ({error}); it needs the OpenMP library (Debian: libgomp1)"
    return ""


def scores(
    rows: Sequence[X], labels: Sequence[int | None], weights: Sequence[float], timeline: Iterable[Ask | Tell]
) -> list[float]:
    """Return what the retrained model said of each row when it was asked; the rate of positives before it could."""
    table, categories = _table(rows)
    said = [0.0] * len(rows)
    known: list[int] = []
    asked: list[int] = []
    model: Any = None
    rate = 0.5
    for event in timeline:
        if isinstance(event, Ask):
            asked.append(event.row)
            continue
        known.append(event.row)
        if len(known) % EVERY == 0:
            _answer(model, rate, table, asked, said)
            asked.clear()
            told = [labels[at] or 0 for at in known]
            rate = sum(told) / len(told)
            model = _trained(table, categories, known, told, weights) if 0 < sum(told) < len(told) else None
    _answer(model, rate, table, asked, said)
    return said


def _trained(
    table: "np.ndarray[Any, Any]", categories: list[int], known: list[int], told: list[int], weights: Sequence[float]
) -> Any:
    import lightgbm

    seen = lightgbm.Dataset(
        table[known], label=told, weight=[weights[at] for at in known], categorical_feature=categories or "auto"
    )
    return lightgbm.train(PARAMETERS, seen, num_boost_round=TREES)


def _answer(model: Any, rate: float, table: "np.ndarray[Any, Any]", asked: list[int], said: list[float]) -> None:
    if not asked:
        return
    answers = [rate] * len(asked) if model is None else model.predict(table[asked]).tolist()
    for at, answer in zip(asked, answers, strict=True):
        said[at] = answer


def _table(rows: Sequence[X]) -> tuple["np.ndarray[Any, Any]", list[int]]:
    """Return the rows as LightGBM takes them, NaN where missing, and which columns are categories, coded by rank."""
    import numpy as np

    values: dict[str, Counter[str]] = {}
    numbers: set[str] = set()
    for row in rows:
        for name, value in row.items():
            if isinstance(value, str):
                values.setdefault(name, Counter())[value] += 1
            else:
                numbers.add(name)
    flags = sorted((name for name in values if ": " in name), key=lambda it: (-values[it].total(), it))
    left_out = set(flags[WORDS:])
    names = [*sorted(numbers), *(name for name in sorted(values) if name not in left_out)]
    first = len(numbers)
    codes = [{value: code for code, (value, _) in enumerate(values[it].most_common(VALUES))} for it in names[first:]]
    table = np.full((len(rows), len(names)), np.nan)
    place = {name: at for at, name in enumerate(names[:first])}
    coded = {name: first + at for at, name in enumerate(names[first:])}
    for at, row in enumerate(rows):
        for name, value in row.items():
            if not isinstance(value, str):
                table[at, place[name]] = value
            elif name in coded:
                table[at, coded[name]] = codes[coded[name] - first].get(value, VALUES)
    return table, list(range(first, len(names)))
