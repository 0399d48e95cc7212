"""Destinations: where leads go, whether they get there, and how to hold, resume and repeat what goes to one."""

import os
import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from streams.cli.output import Json, console, explained, fail, show_json, since

if TYPE_CHECKING:
    from connectors.controls import State
    from connectors.destinations import Destination
    from connectors.settings import RelaySettings

__all__ = ["app"]

app = typer.Typer(
    help="Where routed leads go: list it, try it, pause it, resume it, deliver again.", no_args_is_help=True
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="As `leadstream destinations list` shows it.")]


@app.command(name="list")
def list_(as_json: Json = False) -> None:
    """List the destinations: what each takes, whether it runs, how many relays deliver to it, how much is due."""
    from connectors import controls, kafka
    from connectors.probe import Probe

    rows: list[dict[str, object]] = []
    with explained():
        settings, found = _found()
        states = controls.states(settings)
        for one in found:
            waits = [] if kafka.check(settings, [one.retry]) else [one.retry]  # made when a relay first runs
            probe = Probe(kafka.client(settings), one.group, [one.topic, *waits])
            try:
                due = sum(lag.records for lag in probe.look(time.time()).values())
            finally:
                probe.close()
            state = states.get(one.name, controls.State.RUNNING)
            relays = controls.members(settings, one.group)
            takes = ", ".join(one.takes) or "all"
            rows.append(
                {"name": one.name, "sink": one.sink, "takes": takes, "state": state, "relays": relays, "due": due}
            )
    if as_json:
        show_json(rows)
        return
    table = Table(box=None, header_style="bold")
    for column in rows[0]:
        table.add_column(column)
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    console.print(table)


@app.command(name="test")
def try_(name: Name, as_json: Json = False) -> None:
    """Send one made-up lead, marked as a test, and show what was answered. Needs no broker and no relay.

    Its e-mail address is test@example.com, its rule leadstream-test: delete it there when you have seen it. An ad
    platform is told of the first stage in `events`.
    """
    import asyncio

    from connectors.destinations import named
    from connectors.sample import sample
    from schemas.records import Stage

    with explained():
        destination = named(_found()[1], name)

    async def send() -> object:
        sink, stages = destination.open(), getattr(destination.options, "events", {})
        try:
            return (await sink.deliver([sample(time.time(), Stage(next(iter(stages), Stage.MQL)))]))[0]
        finally:
            await sink.close()

    outcome = asyncio.run(send())
    told = {"destination": name, "outcome": type(outcome).__name__.lower(), **outcome._asdict()}  # type: ignore[attr-defined]
    if as_json:
        show_json(told)
    else:
        console.print(", ".join(f"{key}: {value}" for key, value in told.items() if value), markup=False)
    if told["outcome"] not in ("delivered", "skipped"):
        raise typer.Exit(1)


@app.command()
def pause(name: Name) -> None:
    """Deliver nothing to it for now, on every relay and over restarts: its decisions wait on their topic."""
    from connectors.controls import State

    _tell(name, State.PAUSED)
    console.print(f"{name} is paused; `leadstream destinations resume {name}` lets it go on", markup=False)


@app.command()
def resume(name: Name) -> None:
    """Go on where it was paused, or where it disabled itself by answering 410."""
    from connectors.controls import State

    _tell(name, State.RUNNING)
    console.print(f"{name} goes on", markup=False)


@app.command()
def replay(
    name: Name,
    since_: Annotated[
        str, typer.Option("--since", help="Decided since: 30m, 2h, 1d, or an ISO time; at most 90 days ago.")
    ],
) -> None:
    """Deliver again what was decided since then, under the same decision ids: who has it already changes nothing."""
    from connectors import controls
    from connectors.destinations import named
    from schemas.topics import LEADS_ROUTED

    at = since(since_, time.time())
    if not at:
        raise fail("--since is empty; write 30m, 2h, 1d or 2026-11-20T09:00:00Z", 2)
    if not 0.0 <= time.time() - at <= LEADS_ROUTED.retention_s:
        raise fail(f"--since {since_} is to come, or more than 90 days ago: nothing is kept as long", 2)
    with explained():
        settings, found = _found()
        destination = named(found, name)
        relays = controls.members(settings, destination.group)
        if relays:
            controls.tell(settings, controls.Told(name=name, since=at, at=time.time()))
            console.print(f"told the relays of {name}, {relays} of them; they go back now", markup=False)
        else:
            rewound = controls.rewind(settings, destination.group, destination.topic, at)
            console.print(f"no relay runs; the next one begins there ({len(rewound)} partitions)", markup=False)


def _tell(name: str, state: "State") -> None:
    from connectors import controls
    from connectors.destinations import named

    with explained():
        settings, found = _found()
        named(found, name)
        controls.tell(settings, controls.Told(name=name, state=state, at=time.time()))


def _found() -> "tuple[RelaySettings, tuple[Destination, ...]]":
    from connectors.destinations import destinations
    from connectors.settings import RelaySettings

    settings = RelaySettings.read(os.environ)
    return settings, destinations(settings, os.environ)
