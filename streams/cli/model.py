"""Model versions: which there are, what each is, and which of them scores."""

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from streams.cli.output import Json, console, explained, fail, show_json, when

if TYPE_CHECKING:
    from connectors.settings import WorkerSettings
    from schemas.learning import ModelSnapshot
    from streams.versions import Shelf

__all__ = ["app"]

app = typer.Typer(
    help="Versions of the learned model: list them, look at one, say which scores. Needs the worker's settings.",
    no_args_is_help=True,
)
Why = Annotated[str, typer.Option("--why", help="What to remember of this, kept with the pin.")]
NEWEST_WORD = "newest"
FIGURES = ("auc", "log_loss", "ece")


@app.command(name="list")
def list_(as_json: Json = False) -> None:
    """List the versions kept: the latest 31, one for each hour of the last day, one for each day of the last month."""
    with explained():
        there = _shelf()[1]
    rows = [_told(there, version) for version in sorted(there.kept, reverse=True)]
    if as_json:
        show_json(rows)
        return
    table = Table(box=None, header_style="bold")
    for column in ("version", "made", "labels", "routes", *FIGURES, ""):
        table.add_column(column, justify="left" if column in ("made", "routes", "") else "right")
    for row in rows:
        figures = row["figures"]
        shown = (f"{figures[name]:.3f}" if name in figures else "" for name in FIGURES)
        table.add_row(str(row["version"]), row["made"], str(row["labels"]), row["routes"], *shown, row["note"])
    table.add_row("0", "", "0", "the scorecard", "", "", "", "in use" if there.in_use == 0 else "")
    console.print(table)
    _refusals(there)


@app.command()
def show(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A number of `model list`, or newest.")],
    as_json: Json = False,
) -> None:
    """Show a version: what it has learned from, how good its scores were, what weighs most, whether it scores."""
    from streams.domain.bins import binned
    from streams.versions import NoSuchVersion

    with explained():
        there = _shelf()[1]
        try:
            snapshot = there.version(there.newest if version == NEWEST_WORD else _number(version))
        except NoSuchVersion as unknown:
            raise fail(str(unknown)) from None
    told = _told(there, snapshot.version)
    terms = sorted(snapshot.terms, key=lambda it: (-abs(it.weight), it.feature))
    if as_json:
        show_json(told | {"intercept": snapshot.intercept, "weights": {it.feature: it.weight for it in terms}})
        return
    console.print(f"version {snapshot.version}, made {told['made']}  {told['note']}".rstrip(), style="bold")
    console.print(f"learned from {snapshot.examples} labels; the {snapshot.champion} routes; {told['bytes']} bytes")
    console.print(", ".join(f"{name} {value:.4g}" for name, value in sorted(snapshot.metrics.items())))
    table = Table(box=None, header_style="dim")
    table.add_column("feature (the pipeline's)")
    table.add_column("log-odds for one spread", justify="right")
    for term in [it for it in terms if not binned(it.feature)[0]][:12]:
        table.add_row(term.feature, f"{term.weight:+.3f}")
    console.print(table)


@app.command()
def pin(
    version: Annotated[
        str, typer.Argument(metavar="VERSION", help="A number of `model list`; 0 = the scorecard; newest = no pin.")
    ],
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Let a version score from now on, on every worker and over restarts; learning goes on meanwhile.

    `leadstream model pin newest` lets the newest model score again, as it does without a pin.
    """
    from streams.domain.snapshots import NEWEST

    with explained():
        settings, there = _shelf()
        _pin(settings, there, NEWEST if version == NEWEST_WORD else _number(version), why, as_json)


@app.command()
def rollback(why: Why = "", as_json: Json = False) -> None:
    """Go back to the newest version that is older than the one that scores now, and stay there until told otherwise."""
    from streams.versions import NoSuchVersion

    with explained():
        settings, there = _shelf()
        try:
            before = there.before()
        except NoSuchVersion as none:
            raise fail(str(none)) from None
        _pin(settings, there, before, why, as_json)


def _pin(settings: "WorkerSettings", there: "Shelf", version: int, why: str, as_json: bool) -> None:
    from streams import versions

    was = there.in_use
    try:
        pinned = versions.pin(settings, there, version, why)
    except versions.NoSuchVersion as unknown:
        raise fail(str(unknown)) from None
    if as_json:
        show_json({"number": pinned.number, "version": pinned.version, "was": was, "at": pinned.at, "why": pinned.why})
        return
    now = (
        "the newest version scores"
        if version < 0
        else f"version {version} scores"
        if version
        else "the scorecard scores"
    )
    undo = "" if version < 0 else f"; `leadstream model pin {NEWEST_WORD}` lets the newest score again"
    console.print(f"{now} from now on (it was {was}){undo}", markup=False)


def _told(there: "Shelf", version: int) -> dict[str, Any]:
    snapshot = there.kept[version]
    notes = (
        "in use" if version == there.in_use else "",
        "pinned" if there.pin is not None and version == there.pin.version else "",
        NEWEST_WORD if version == there.newest else "",
    )
    return {
        "version": version,
        "made": when(snapshot.created_at),
        "labels": snapshot.examples,
        "routes": snapshot.champion,
        "figures": {name: snapshot.metrics[name] for name in FIGURES if name in snapshot.metrics},
        "bytes": _bytes(snapshot),
        "note": ", ".join(note for note in notes if note),
    }


def _bytes(snapshot: "ModelSnapshot") -> int:
    return len(snapshot.learner) + len(snapshot.classifier) + sum(map(len, snapshot.heads))


def _refusals(there: "Shelf") -> None:
    if there.pin is not None and there.pin.version >= 0:
        why = f": {there.pin.why}" if there.pin.why else ""
        console.print(f"version {there.pin.version} was pinned at {when(there.pin.at)}{why}", markup=False)
    for why, count in sorted(there.refused.items()):
        console.print(f"{count} refused: {why}", style="red", markup=False)


def _number(text: str) -> int:
    if not text.isdecimal():
        raise fail(
            f"VERSION {text} is neither a number nor {NEWEST_WORD}; `leadstream model list` shows what there is", 2
        )
    return int(text)


def _shelf() -> "tuple[WorkerSettings, Shelf]":
    from connectors.settings import WorkerSettings
    from streams.versions import shelf

    settings = WorkerSettings.read(os.environ)
    return settings, shelf(settings)
