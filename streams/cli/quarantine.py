"""Quarantine: what people do not seem to have sent, why, and how to let it go on all the same."""

import os
import time
from collections import deque
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from schemas.sighting import Sign
from streams.cli.output import Json, console, explained, fail, show_fields, show_json, since, when

if TYPE_CHECKING:
    from connectors.quarantine import Wanted
    from connectors.settings import Connection
    from schemas.records import Quarantined

__all__ = ["app"]

app = typer.Typer(help="What people do not seem to have sent: list it, look at it, let it go on.", no_args_is_help=True)

SignName = Annotated[
    str,
    typer.Option("--sign", help=f"Only those with this sign: {', '.join(Sign)}."),
]
Source = Annotated[str, typer.Option("--source", help="Only those of this source, for instance segment.")]
Since = Annotated[str, typer.Option("--since", help="Only those received since: 30m, 2h, 1d, or an ISO time.")]
Id = Annotated[str, typer.Option("--id", help="Only the one with this id (its first characters do).")]


@app.command(name="list")
def list_(
    sign: SignName = "",
    source: Source = "",
    since_: Since = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="The latest so many.")] = 50,
    as_json: Json = False,
) -> None:
    """List what waits, the latest of it, with a count by sign."""
    from collections import Counter

    from connectors import quarantine

    signs: Counter[str] = Counter()
    latest: deque[Quarantined] = deque(maxlen=limit)
    count = 0
    with explained():
        for held in quarantine.read(_settings(), _wanted(sign, source, since_)):
            count += 1
            signs.update(held.signs)
            latest.append(held)
    if as_json:
        show_json({"count": count, "by_sign": signs, "events": [_shown(held) for held in latest]})
        return
    table = Table(box=None, header_style="bold")
    for column in ("id", "received", "source", "endpoint", "signs"):
        table.add_column(column, no_wrap=column in ("id", "received"))
    for it in sorted(latest, key=lambda held: held.held_at):
        table.add_row(it.id, when(it.held_at), it.event.source, it.event.endpoint, ", ".join(it.signs))
    if latest:
        console.print(table)
    told = ", ".join(f"{name}: {number}" for name, number in signs.most_common())
    console.print(f"{count} events in quarantine" + (f" ({told})" if told else ""), markup=False)


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
        found = next(quarantine.read(_settings(), quarantine.Wanted(id=event_id)), None)
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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
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
        done = quarantine.release(_settings(), wanted, time.time(), dry_run)
    if as_json:
        show_json({"dry_run": dry_run, "released": done.sent, "left": done.left})
        return
    console.print(f"{sum(done.sent.values())} events {'would be' if dry_run else 'are'} released")
    for name, count in sorted(done.sent.items()):
        console.print(f"  {name}: {count}")
    for why, count in sorted(done.left.items()):
        console.print(f"  left out, {why.replace('_', ' ')}: {count}")


def _settings() -> "Connection":
    from connectors.settings import Connection

    return Connection.read(os.environ)


def _wanted(sign: str, source: str, since_: str) -> "Wanted":
    from connectors.quarantine import Wanted
    from schemas.sighting import Sign

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
