"""Dead letters: what could not be used, why, and how to send it again once the fault is mended."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.output import Json, explained, fail, show_fields, show_json, since, when
from streams.cli.shelf import DryRun, Id, Limit, Shelf, connection, show_moved

if TYPE_CHECKING:
    from schemas.records import DeadLetter

__all__ = ["app"]

app = typer.Typer(help="What could not be used: list it, look at it, send it again.", no_args_is_help=True)

Reason = Annotated[str, typer.Option("--reason", help="Only those with this reason, for instance crash.")]
Since = Annotated[str, typer.Option("--since", help="Only those that failed since: 30m, 2h, 1d, or an ISO time.")]


@app.command(name="list")
def list_(
    reason: Reason = "",
    since_: Since = "",
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List the latest dead letters, with a count by reason."""
    from connectors import deadletters

    wanted = deadletters.Wanted(reason, "", since(since_, time.time()))
    with explained():
        SHELF.show_latest(deadletters.read(connection(), wanted), limit, as_json=as_json)


@app.command()
def show(
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="The id, or its first characters.")],
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Print the record's bytes too: they may hold personal fields.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show one dead letter."""
    from connectors import deadletters

    with explained():
        found = list(deadletters.read(connection(), deadletters.Wanted(id=letter_id)))
        if not found:
            raise fail(f"no dead letter {letter_id}; `leadstream deadletters list` shows which there are")
        told = _shown(found[-1])
        if reveal:
            key, value = _original(found[-1])
            told |= {"key": key.decode(errors="backslashreplace"), "value": value.decode(errors="backslashreplace")}
    if as_json:
        show_json(told)
        return
    show_fields(told)


@app.command()
def replay(
    reason: Reason = "",
    letter_id: Id = "",
    since_: Since = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Send the records in dead letters again, as they were, to the topics they came from.

    Do it once the fault is mended; doing it twice is harmless, since the pipeline knows what it has applied. Decisions
    of people who have been erased since are left out. What a destination refused after it had waited goes to that
    destination alone, all else to everybody who reads the topic.
    """
    from connectors import deadletters

    wanted = deadletters.Wanted(reason, letter_id, since(since_, time.time()))
    with explained():
        done = deadletters.replay(connection(), wanted, dry_run)
    if as_json:
        show_json({"dry_run": dry_run, "sent": done.sent, "left": done.left})
        return
    show_moved(f"records {'would be sent' if dry_run else 'sent'} again", done.sent, done.left, LEFT)


LEFT = {
    "repeated": "the same record as another letter's",
    "unreadable": "sealed under a key that is not known, or damaged",
    "unknown_topic": "from a topic that is none of ours, or of a destination that is gone",
    "cut": "too large to have been kept whole",
    "empty": "without a value",
    "erased": "decisions of people who have been erased since",
    "returned": "erasures of people who have come back since",
}


def _shown(letter: "DeadLetter") -> dict[str, object]:
    """What may be shown to anyone: all but the record itself."""
    names = ("id", "topic", "partition", "offset", "stage", "reason", "detail")
    return {name: getattr(letter, name) for name in names} | {"failed_at": when(letter.failed_at)}


def _original(letter: "DeadLetter") -> tuple[bytes, bytes]:
    from connectors import deadletters
    from schemas.rejected import Rejected

    try:
        return deadletters.original(letter)
    except Rejected as rejected:
        raise fail(f"the record in {letter.id} cannot be read: {rejected.detail}") from None


def _row(letter: "DeadLetter") -> dict[str, str]:
    place = f"{letter.topic}-{letter.partition}@{letter.offset}"
    named = {"id": letter.id, "failed": when(letter.failed_at), "from": place, "stage": letter.stage}
    return named | {"reason": letter.reason, "detail": letter.detail}


SHELF: "Shelf[DeadLetter]" = Shelf(
    what="dead letters",
    items="letters",
    by="reason",
    labels=lambda letter: (letter.reason,),
    at=lambda letter: letter.failed_at,
    shown=_shown,
    row=_row,
)
