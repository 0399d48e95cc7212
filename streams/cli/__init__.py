"""The command line: one module for each kind of thing you can do. Nothing heavy is imported before a command runs."""

import typer

from streams.cli import deadletters, destinations, imports, keys, leads, model, processes, quarantine, setup
from streams.cli.backfill import backfill
from streams.cli.erase import erase
from streams.cli.evaluate import evaluate
from streams.cli.top import top
from streams.cli.whatif import whatif

__all__ = ["app"]

app = typer.Typer(
    name="leadstream",
    help="Leadstream turns web, ad and e-mail events into scored, explained, routed leads.\n\n"
    "Start with `leadstream demo`. When something does not work, `leadstream check` says what and what to do.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

TRY, RUN, LOOK, JUDGE, MEND = "Try it out", "Run it", "Look at it", "Judge the scoring", "Set up and mend"

app.command(
    rich_help_panel=TRY,
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)(processes.demo)
app.command(rich_help_panel=TRY)(processes.up)
app.command(rich_help_panel=RUN)(processes.collector)
app.command(rich_help_panel=RUN)(processes.worker)
app.command(rich_help_panel=RUN)(processes.fetcher)
app.command(rich_help_panel=RUN)(processes.relay)
app.command(rich_help_panel=RUN)(processes.view)
app.command(rich_help_panel=RUN)(processes.probe)
app.command(rich_help_panel=LOOK)(top)
app.command(name="import", rich_help_panel=RUN)(imports.import_)
app.command(rich_help_panel=RUN)(backfill)
app.command(rich_help_panel=RUN)(erase)
app.add_typer(leads.one, name="lead", rich_help_panel=LOOK)
app.add_typer(leads.many, name="leads", rich_help_panel=LOOK)
app.command(rich_help_panel=JUDGE)(evaluate)
app.command(rich_help_panel=JUDGE)(whatif)
app.add_typer(model.app, name="model", rich_help_panel=JUDGE)
app.add_typer(setup.topics, name="topics", rich_help_panel=MEND)
app.add_typer(keys.app, name="keys", rich_help_panel=MEND)
app.add_typer(destinations.app, name="destinations", rich_help_panel=MEND)
app.add_typer(deadletters.app, name="deadletters", rich_help_panel=MEND)
app.add_typer(quarantine.app, name="quarantine", rich_help_panel=MEND)
app.command(rich_help_panel=MEND)(setup.check)
app.command(rich_help_panel=MEND)(setup.version)
