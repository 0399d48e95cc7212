"""Leads from a list in a file, with the lawful basis of having them."""

import os
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.output import Json, console, errors, explained, fail, show_json

if TYPE_CHECKING:
    from connectors.lists.importing import Done, Importing, Order
    from connectors.lists.table import Table
    from connectors.settings import ImportSettings

__all__ = ["import_"]


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="A CSV file whose first line names the columns.")],
    *,
    basis: Annotated[
        str,
        typer.Option(
            "--lawful-basis",
            help="Why the law lets you have these people's data: consent, contract, legal_obligation, vital_interests, "
            "public_task or legitimate_interests.",
        ),
    ],
    source: Annotated[str, typer.Option("--source", help="Whose list it is, for instance fair-2026: on every lead.")],
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="YAML file that says what the columns mean, in JMESPath.")
    ] = None,
    map_: Annotated[
        list[str] | None, typer.Option("--map", metavar="FIELD=COLUMN", help="What one column means; repeat it.")
    ] = None,
    did: Annotated[
        str, typer.Option("--did", help="What they did: contact (nothing, you know them), form, demo_request, ad_lead.")
    ] = "contact",
    suppress: Annotated[
        Path | None, typer.Option("--suppress", help="File with addresses and domains to leave out, one a line.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="Where rows that are not sent are listed; FILE.csv.report.csv.")
    ] = None,
    encoding: Annotated[str, typer.Option("--encoding", help="utf-8, or what a byte order mark says.")] = "",
    delimiter: Annotated[str, typer.Option("--delimiter", help="Found in the first line: , ; tab or |.")] = "",
    restart: Annotated[bool, typer.Option("--restart", help="From the first row, whatever was done before.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and report all rows; send none.")] = False,
    as_json: Json = False,
) -> None:
    """Import leads from a list.

    Columns are known by their usual names (email, first name, company, ...); `--map email="Work address"` or a
    `--mapping` file says otherwise. Whoever has said that they do not want to be contacted is left out. A row that
    cannot be used is reported with its line and the reason, and the others go on. What is interrupted goes on where it
    was when the same command is given again; no lead counts twice.

        leadstream import fair.csv --lawful-basis consent --source fair-2026 --dry-run

        leadstream import crm.csv --lawful-basis contract --source crm --map email=Mail --map company=Firma
    """
    from connectors.lists.table import Table, Unreadable
    from connectors.settings import ImportSettings
    from connectors.sources.listed import Basis

    if basis not in set(Basis):
        raise fail(f"--lawful-basis {basis} is none; there are {', '.join(Basis)}", 2)
    if not source.strip() or len(source) > 128:
        raise fail("--source must name the list, in 1 to 128 characters", 2)
    if did not in ("contact", "form", "demo_request", "ad_lead"):
        raise fail(f"--did {did} is none; there are contact, form, demo_request, ad_lead", 2)
    if mapping is not None and map_:
        raise fail("--map and --mapping say two things of one matter; give one of them", 2)
    try:
        with explained(), closing(Table(file, encoding, delimiter)) as table:
            settings = ImportSettings.read(os.environ)
            order = _order(table, settings, (source.strip(), basis, did), mapping, map_)
            out = report or file.with_name(f"{file.name}.report.csv")
            done = _run(table, order, settings, (file, out, suppress), restart=restart, dry_run=dry_run)
    except Unreadable as unreadable:
        raise fail(str(unreadable), 2) from None
    rest = {fate: count for fate, count in sorted(done.fates.items()) if fate != "sent"}
    if as_json:
        show_json({"dry_run": dry_run, "rows": done.row, "sent": done.sent, "left": rest, "report": str(out)})
        return
    console.print(f"{done.sent} of {done.row} rows {'would be sent' if dry_run else 'are sent'}", markup=False)
    for fate, count in rest.items():
        console.print(f"  left out, {fate.replace('_', ' ')}: {count}", markup=False)
    if rest:
        console.print(f"  line by line in {out}", markup=False, soft_wrap=True)


def _order(
    table: "Table",
    settings: "ImportSettings",
    said: tuple[str, str, str],
    mapping: Path | None,
    pairs: list[str] | None,
) -> "Order":
    import msgspec

    from connectors.lists import columns
    from connectors.lists.importing import Order
    from connectors.sources.listed import Basis, Did

    source, basis, did = said
    if mapping is not None:
        found = columns.from_file(mapping)
    else:
        found = columns.told(pairs, table.columns) if pairs else columns.by_names(table.columns)
    done: Did = msgspec.convert(did, Did)
    return Order(source, Basis(basis), found, done, settings.pepper.get_secret_value())


def _run(
    table: "Table",
    order: "Order",
    settings: "ImportSettings",
    files: tuple[Path, Path, Path | None],
    *,
    restart: bool,
    dry_run: bool,
) -> "Done":
    from connectors.lists.importing import Importing
    from connectors.sending import Sending
    from schemas.codec import Codec
    from schemas.registry import open_registry
    from streams import lists

    file, report, suppress = files
    check = lists.checked(order.pepper, lists.objectors(settings), lists.suppressed(suppress))
    codec = Codec(open_registry(settings.schema_registry_url or None), ["RawEvent"])
    if dry_run:
        dry = Importing(file, order, report=report, check=check, codec=codec, sends=None)
        return _show(dry, table, anew=True)
    with Sending(settings) as sending:
        importing = Importing(file, order, report=report, check=check, codec=codec, sends=sending)
        return _show(importing, table, anew=restart)


def _show(importing: "Importing", table: "Table", *, anew: bool) -> "Done":
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    done = importing.begin(time.time(), anew)
    if done.whole:
        errors.print(f"all of it was imported before; --restart does it again ({importing.note})", soft_wrap=True)
        return done
    if done.row:
        errors.print(f"going on after row {done.row}")
    shown = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*shown, console=errors, disable=not errors.is_terminal) as bar:
        task = bar.add_task("rows", total=table.size or None)

        def progress(now: "Done", read: int) -> None:
            bar.update(task, completed=read, description=f"{now.row} rows, {now.sent} sent")

        return importing.run(table, done, progress)
