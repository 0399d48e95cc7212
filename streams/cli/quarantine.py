"""Quarantine: what people do not seem to have sent, why, and how to let it go on all the same."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.sighting import Sign
from streams.cli.output import Json, explained, fail, show_fields, show_json, since, when
from streams.cli.shelf import DryRun, Id, Limit, Shelf, connection, show_moved

if TYPE_CHECKING:
    from connectors.quarantine import Wanted
    from schemas.quarantine import Quarantined

__all__ = ["app"]

app = typer.Typer(help="What people do not seem to have sent: list it, look at it, let it go on.", no_args_is_help=True)

SignName = Annotated[
    str,
    typer.Option("--sign", help=f"Only those with this sign: {', '.join(Sign)}."),
]
Source = Annotated[str, typer.Option("--source", help="Only those of this source, for instance segment.")]
Since = Annotated[str, typer.Option("--since", help="Only those received since: 30m, 2h, 1d, or an ISO time.")]


@app.command(name="list")
def list_(
    sign: SignName = "",
    source: Source = "",
    since_: Since = "",
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List what waits, the latest of it, with a count by sign."""
    from connectors import quarantine

    with explained():
        SHELF.show_latest(quarantine.read(connection(), _wanted(sign, source, since_)), limit, as_json=as_json)


@app.command()
def show(
    event_id: Annotated[str, typer.Argument(metavar="ID", help="The id, or its first characters.")],
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Print the event's body too: it may hold personal fields.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show one event that waits."""
    from connectors import quarantine
    from schemas.person import unseal
    from schemas.rejected import Rejected

    with explained():
        found = next(quarantine.read(connection(), quarantine.Wanted(id=event_id)), None)
    if found is None:
        raise fail(f"no event {event_id} waits in quarantine; `leadstream quarantine list` shows which there are")
    told: dict[str, object] = _shown(found)
    if reveal:
        try:
            body = unseal(found.event.person, found.event.person_key).get("body", b"")
        except Rejected as rejected:
            raise fail(f"the event cannot be read: {rejected.detail}") from None
        told["body"] = body.decode(errors="backslashreplace") if isinstance(body, bytes) else ""
    if as_json:
        show_json(told)
        return
    show_fields(told)


@app.command()
def release(
    *,
    sign: SignName = "",
    source: Source = "",
    event_id: Id = "",
    since_: Since = "",
    everything: Annotated[bool, typer.Option("--all", help="All that waits.")] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Let events go on: they are applied as if nothing had been said against them.

    Doing it twice is harmless: an event that has been applied counts once.
    """
    from connectors import quarantine

    if not (sign or source or event_id or since_ or everything):
        raise fail("say which: --id, --sign, --source, --since, or --all", 2)
    wanted = _wanted(sign, source, since_)._replace(id=event_id)
    with explained():
        done = quarantine.release(connection(), wanted, time.time(), dry_run)
    if as_json:
        show_json({"dry_run": dry_run, "released": done.sent, "left": done.left})
        return
    show_moved(f"events {'would be' if dry_run else 'are'} released", done.sent, done.left, {})


def _wanted(sign: str, source: str, since_: str) -> "Wanted":
    from connectors.quarantine import Wanted

    if sign and sign not in set(Sign):
        raise fail(f"--sign {sign} is none; there are {', '.join(Sign)}", 2)
    return Wanted(sign, source, "", since(since_, time.time()))


def _shown(held: "Quarantined") -> dict[str, object]:
    """What may be shown to anyone: all but the event itself."""
    return {
        "id": held.id,
        "received": when(held.held_at),
        "source": held.event.source,
        "endpoint": held.event.endpoint,
        "signs": held.signs,
    }


SHELF: "Shelf[Quarantined]" = Shelf(
    what="events in quarantine",
    items="events",
    by="sign",
    labels=lambda held: held.signs,
    at=lambda held: held.held_at,
    shown=_shown,
    row=lambda held: {name: str(text) for name, text in _shown(held).items()} | {"signs": ", ".join(held.signs)},
)
