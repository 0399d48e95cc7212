"""What another model version, or another scorecard, would have made of the leads of late."""

import csv
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from streams.cli.output import Json, console, errors, explained, fail, show_json, since

if TYPE_CHECKING:
    from streams.whatif import WhatIf

__all__ = ["whatif"]

HEAD = 10


def whatif(
    since_: Annotated[
        str, typer.Option("--since", help="What came since: 30m, 2h, 1d, or an ISO time; at most 90 days ago.")
    ],
    model: Annotated[
        str, typer.Option("--model", metavar="VERSION", help="A number of `model list`; 0 = the scorecard alone.")
    ] = "",
    card: Annotated[
        Path | None, typer.Option("--card", metavar="FILE.yaml", help="Another scorecard than the one in use.")
    ] = None,
    diff: Annotated[
        Path, typer.Option("--diff", metavar="FILE.csv", help="Where to write every lead that would differ.")
    ] = Path("whatif.csv"),
    as_json: Json = False,
) -> None:
    """Score the log since a time with another model version or scorecard; say who would have been routed differently.

    Reads only: nobody is routed anew. Needs the worker's settings. The log is read from its beginning, to know each
    lead as it was known then.
    """
    from streams.versions import NoSuchVersion
    from streams.whatif import NothingSince, what_if

    at = since(since_, time.time())
    if not at:
        raise fail("--since is empty; write 30m, 2h, 1d or 2026-11-20T09:00:00Z", 2)
    if not model and card is None:
        raise fail("say what is to be otherwise: --model VERSION, --card FILE.yaml, or both", 2)
    if model and not model.isdecimal():
        raise fail(f"--model {model} is no version; `leadstream model list` shows what there is", 2)
    with explained():
        from connectors.settings import WorkerSettings

        settings = WorkerSettings.read(os.environ)
        try:
            found = what_if(settings, int(model) if model else None, at, None if card is None else str(card), _told)
        except (NoSuchVersion, NothingSince) as nothing:
            raise fail(str(nothing)) from None
    _write(diff, found)
    if as_json:
        show_json(found._asdict() | {"differently": len(found.differently), "diff": str(diff)})
        return
    _show(found, diff)


def _told(what: str, count: int) -> None:
    if errors.is_terminal:
        errors.print(f"{count} {what}", end="\r", markup=False)


def _write(path: Path, found: "WhatIf") -> None:
    from streams.whatif import Otherwise

    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(Otherwise._fields)
            rows.writerows(found.differently)
    except OSError as error:
        raise fail(f"--diff {path} cannot be written ({type(error).__name__})") from None


def _show(found: "WhatIf", diff: Path) -> None:
    console.print(
        f"{len(found.differently)} of {found.leads} leads would have been routed differently; "
        f"{found.others} more would have had another owner",
        style="bold",
    )
    for route, count in sorted(found.routes.items(), key=lambda it: (-it[1], it[0])):
        console.print(f"  {count} from {route}", markup=False)
    if found.differently:
        table = Table(box=None, header_style="bold")
        for column in ("lead", "account", "was", "would be", "score was", "would be"):
            table.add_column(column, justify="right" if column == "score was" else "left", no_wrap=column == "lead")
        for it in found.differently[:HEAD]:
            table.add_row(it.lead_id, it.account, it.was, it.would, f"{it.was_score:.3f}", f"{it.would_score:.3f}")
        console.print(table)
    console.print(f"all of them are in {diff}", markup=False)
    told = f"replayed as it was, {found.as_recorded} of {found.decisions} decisions since then come out to the byte"
    gone = f"; {found.stood_in} records with a version before the one that is gone" if found.stood_in else ""
    console.print(told + gone, markup=False)
