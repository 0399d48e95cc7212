"""An evaluation, from a file and what is said of it to its figures."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from streams.domain.metrics import Bin, reliability
from streams.evaluation import columns, delayed, events, reference
from streams.evaluation.columns import Column
from streams.evaluation.dataset import DataError, read
from streams.evaluation.estimators import DEFAULT, ESTIMATORS
from streams.evaluation.figures import Figures, figures, learning_curve, percentile
from streams.evaluation.run import fading, run
from streams.evaluation.timeline import Ask, Questions, Tell, by_lag, by_time, questions

WARM_UP = 500  # rows; a tenth of the file where that is less


class Spec(NamedTuple):
    """What to evaluate: a file, which of its columns is what, and when labels become known."""

    path: Path
    label: str
    time: str = ""
    lag: int = 0
    label_time: str = ""
    drop: tuple[str, ...] = ()
    lead: str = ""
    names: tuple[str, ...] = ()
    estimator: str = DEFAULT
    warm_up: int | None = None
    reference: bool = True
    within: float | None = None  # seconds

    @property
    def of_events(self) -> bool:
        """Whether rows are events, each asking whether its lead will have one with the label, `within` so long."""
        return self.within is not None and not self.label_time


class Judged(NamedTuple):
    """One scorer's figures, and what its picture is drawn from."""

    figures: Figures
    curve: list[tuple[int, float]]
    reliability: list[Bin]


class Evaluation(NamedTuple):
    """All that is to be said of a run. `judged` rows are those with a label, after the warm-up; µs are p50 and p99."""

    rows: int
    judged: int
    positives: int
    early: int
    lead: str
    horizon: str
    columns: list[Column]
    ours: Judged
    reference: Judged | None
    without_reference: str
    predict_us: tuple[float, float]
    learn_us: tuple[float, float]


def evaluate(spec: Spec) -> Evaluation:
    """Return the evaluation. Raises `DataError`, which names the option and the column."""
    asked = _asked(spec)
    data = asked.data
    lead = spec.lead or columns.lead_column(data)
    leads = data.column(lead, "--lead") if lead else [None] * data.rows
    of = spec.label if spec.label in data.columns else spec.label.partition("=")[0]
    past: list[Column] = []
    if spec.of_events:
        if not lead:
            raise DataError("--lead: no column is named like a lead's; say which tells whose event a row is")
        past = events.history(asked, leads, data.column(of, "--label"))
        asked = events.ahead(asked, leads)
    wait = delayed.horizon(asked, spec.within) if spec.label_time or spec.of_events else None
    told = {spec.time, spec.label_time, lead, *spec.drop} | ({of} if not spec.of_events else set())
    understood = [*columns.understand(data, frozenset(told)), *columns.clock(asked.times), *past]
    if not any(column.put for column in understood):
        raise DataError("no column is left to learn from: " + "; ".join(f"{it.name} {it.kind}" for it in understood))
    rows = [columns.row(understood, at, asked.times[at]) for at in range(data.rows)]
    weights = fading(leads)
    make = ESTIMATORS[spec.estimator]
    if wait is None:
        outcome = run(make(), rows, asked.labels, weights, _timeline(spec, asked))
    else:
        outcome, asked = delayed.run(make, rows, asked, weights, wait), delayed.closed(asked, wait)
    warm_up = min(WARM_UP, data.rows // 10) if spec.warm_up is None else spec.warm_up
    judged = [at for at in range(warm_up, data.rows) if asked.labels[at] is not None]
    labels = [asked.labels[at] or 0 for at in judged]
    if not 0 < sum(labels) < len(labels):
        raise DataError(f"--label {spec.label}: all {len(labels)} rows after the first {warm_up} have one label")
    why_not = reference.missing() if spec.reference else "not asked for"
    against = (
        None
        if why_not
        else _judged(reference.scores(rows, asked.labels, weights, _timeline(spec, asked)), judged, labels)
    )
    return Evaluation(
        rows=data.rows,
        judged=len(judged),
        positives=sum(labels),
        early=asked.early,
        lead=lead,
        horizon="" if wait is None else delayed.told(wait, dated=asked.times[0] is not None),
        columns=understood,
        ours=_judged(outcome.scores, judged, labels),
        reference=against,
        without_reference=why_not,
        predict_us=(percentile(outcome.predict_us, 0.5), percentile(outcome.predict_us, 0.99)),
        learn_us=(percentile(outcome.learn_us, 0.5), percentile(outcome.learn_us, 0.99)),
    )


def _asked(spec: Spec) -> Questions:
    data = read(spec.path, spec.names)
    for name in spec.drop:
        data.column(name, "--drop")
    if spec.lead:
        data.column(spec.lead, "--lead")
    return questions(data, spec.label, spec.time, spec.label_time)


def _timeline(spec: Spec, asked: Questions) -> "Sequence[Ask | Tell]":
    if spec.label_time or spec.of_events:
        return list(by_time(asked.labels, asked.moments, asked.known))
    return list(by_lag(asked.labels, spec.lag))


def _judged(scores: Sequence[float], rows: Sequence[int], labels: Sequence[int]) -> Judged:
    said = [scores[at] for at in rows]
    return Judged(figures(said, labels), learning_curve(said, labels), reliability(said, labels))
