"""How good the scoring is on a file of past leads or events."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from streams.cli.output import Json, console, fail, show_json

if TYPE_CHECKING:
    from streams.evaluation.evaluate import Evaluation

__all__ = ["evaluate"]


def evaluate(  # noqa: PLR0917 (typer calls it by name)
    data: Annotated[Path, typer.Option("--data", metavar="FILE", help="CSV with a header; .csv.gz as well.")],
    label: Annotated[
        str, typer.Option("--label", metavar="COLUMN", help="What came of it; COLUMN=VALUE names the positive value.")
    ],
    time: Annotated[
        str, typer.Option("--time", metavar="COLUMN", help="When the row was to be scored. Without it: file order.")
    ] = "",
    lag: Annotated[int, typer.Option("--lag", min=0, help="Labels become known so many rows later.")] = 0,
    label_time: Annotated[
        str,
        typer.Option("--label-time", metavar="COLUMN", help="When it converted, or its label was known; may be empty."),
    ] = "",
    within: Annotated[
        str,
        typer.Option(
            "--within", metavar="30d", help="How long it may take to convert: a row, or the lead of an event."
        ),
    ] = "",
    drop: Annotated[
        list[str] | None,
        typer.Option("--drop", metavar="COLUMNS", help="Not known when scoring; with commas, or repeated."),
    ] = None,
    lead: Annotated[
        str, typer.Option("--lead", metavar="COLUMN", help="Whose row it is, when a lead has many; found by its name.")
    ] = "",
    names: Annotated[
        str, typer.Option("--names", metavar="COLUMNS", help="The columns' names, for a file without a header.")
    ] = "",
    estimator: Annotated[str, typer.Option("--estimator", help="Which scorer to judge.")] = "",
    warm_up: Annotated[
        int | None,
        typer.Option("--warm-up", min=0, help="Rows not judged: 500, or a tenth of a small file."),
    ] = None,
    reference: Annotated[
        bool, typer.Option("--reference/--no-reference", help="LightGBM, retrained every 250 labels, beside it.")
    ] = True,
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE.svg", help="Draw learning curve and reliability.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Judge the scoring on a file of past leads or events, honestly: score first, learn when the label was known.

    Each row is scored in time order with what had been learned by then; its label is learned at its own time. What
    columns hold is found from their cells; the output says what was found. Beside it stands LightGBM, trained anew
    every 250 labels on the same rows (`pip install 'leadstream[evaluate]'`).

    With --label-time, where those that never convert have no time or the same wait, the chance to convert within that
    wait (30 days, or --within) is learned as production does, bucket by bucket, so that nobody counts as lost too soon.

    With --within and no --label-time the rows are a log of events: each asks whether its lead will have one with the
    label that soon, knowing what the lead has done so far; answers come with that event, or when the time is over.

    Leave out with --drop what was filled in after the outcome: it makes any scorer look like a prophet.

        leadstream evaluate --data leads.csv --label converted --time created_at --drop notes,owner

        leadstream evaluate --data leads.csv --label won=yes --time created_at --label-time won_at --picture leads.svg

        leadstream evaluate --data log.csv --label event=purchase --time timestamp --lead user_id --within 7d
    """
    from streams.evaluation import report
    from streams.evaluation.dataset import DataError
    from streams.evaluation.estimators import DEFAULT, ESTIMATORS
    from streams.evaluation.evaluate import Spec
    from streams.evaluation.evaluate import evaluate as evaluated
    from streams.evaluation.picture import picture as drawn
    from streams.evaluation.values import duration

    estimator = estimator or DEFAULT
    if estimator not in ESTIMATORS:
        raise fail(f"--estimator {estimator} is none of {', '.join(ESTIMATORS)}", 2)
    if lag and label_time:
        raise fail("--lag and --label-time say two things of one matter; give one of them", 2)
    wait = duration(within) if within else None
    if within and wait is None:
        raise fail(f"--within {within}: write 12h, 7d or 2w", 2)
    if lag and within:
        raise fail("--lag and --within say two things of one matter; give one of them", 2)
    dropped = tuple(name.strip() for told in drop or () for name in told.split(",") if name.strip())
    named = tuple(name.strip() for name in names.split(",")) if names else ()
    spec = Spec(data, label, time, lag, label_time, dropped, lead, named, estimator, warm_up, reference, wait)
    try:
        found = evaluated(spec)
    except DataError as error:
        raise fail(str(error), 2) from None
    _show(found)
    if picture is not None:
        picture.write_text(drawn(found, data.name), encoding="utf-8")
        console.print(f"picture: {picture}", markup=False)
    if as_json:
        show_json(report.as_json(found))


def _show(found: "Evaluation") -> None:
    from streams.evaluation import report

    console.print(f"{found.rows} rows, {found.judged} judged, {found.positives} of them positive\n", style="bold")
    for note in report.notes(found):
        console.print(note, markup=False, style="dim", soft_wrap=True)
    table = Table("", "leadstream", "LightGBM/250", box=None, header_style="bold")
    for line in report.table(found):
        table.add_row(*line)
    console.print(table)
    scorers = {"leadstream": found.ours, "LightGBM/250": found.reference}
    console.print("\nlearning curve (AUC of each stretch of rows, ▁ 0.5 … █ 1.0)", style="bold")
    for name, judged in scorers.items():
        if judged is not None:
            last = judged.curve[-1][1] if judged.curve else 0.5
            console.print(f"  {name:<13}{report.curve(judged)}  last {last:.3f}")
    console.print("\nreliability (a tenth of the rows each)", style="bold")
    bins = found.ours.reliability
    console.print("  said  " + " ".join(f"{it.predicted:.3f}" for it in bins))
    console.print("  came  " + " ".join(f"{it.observed:.3f}" for it in bins))
