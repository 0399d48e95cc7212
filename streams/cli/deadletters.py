"""Dead letters: what could not be used, why, and how to send it again once the fault is mended."""

import os
import time
from collections import deque
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from streams.cli.output import Json, console, explained, fail, show_fields, show_json, since, when

if TYPE_CHECKING:
    from connectors.settings import Connection
    from schemas.records import DeadLetter

__all__ = ["app"]

app = typer.Typer(help="What could not be used: list it, look at it, send it again.", no_args_is_help=True)

Reason = Annotated[str, typer.Option("--reason", help="Only those with this reason, for instance crash.")]
Since = Annotated[str, typer.Option("--since", help="Only those that failed since: 30m, 2h, 1d, or an ISO time.")]
Id = Annotated[str, typer.Option("--id", help="Only the one with this id (its first characters do).")]


@app.command(name="list")
def list_(
    reason: Reason = "",
    since_: Since = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="The latest so many.")] = 50,
    as_json: Json = False,
) -> None:
    """List the latest dead letters, with a count by reason."""
    from collections import Counter

    from connectors import deadletters

    reasons: Counter[str] = Counter()
    latest: deque[DeadLetter] = deque(maxlen=limit)
    wanted = deadletters.Wanted(reason, "", since(since_, time.time()))
    with explained():
        for letter in sorted(deadletters.read(_settings(), wanted), key=lambda found: found.failed_at):
            reasons[letter.reason] += 1
            latest.append(letter)
    if as_json:
        show_json({"count": reasons.total(), "by_reason": reasons, "letters": [_shown(letter) for letter in latest]})
        return
    table = Table(box=None, header_style="bold")
    for column in ("id", "failed", "from", "stage", "reason", "detail"):
        table.add_column(column, no_wrap=column in ("id", "failed"))
    for letter in latest:
        table.add_row(letter.id, when(letter.failed_at), _place(letter), letter.stage, letter.reason, letter.detail)
    if latest:
        console.print(table)
    told = ", ".join(f"{name}: {count}" for name, count in reasons.most_common())
    console.print(f"{reasons.total()} dead letters" + (f" ({told})" if told else ""), markup=False)


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
        found = list(deadletters.read(_settings(), deadletters.Wanted(id=letter_id)))
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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    as_json: Json = False,
) -> None:
    """Send the records in dead letters again, as they were, to the topics they came from.

    Do it once the fault is mended; doing it twice is harmless, since the pipeline knows what it has applied.
    """
    from connectors import deadletters

    wanted = deadletters.Wanted(reason, letter_id, since(since_, time.time()))
    with explained():
        done = deadletters.replay(_settings(), wanted, dry_run)
    if as_json:
        show_json({"dry_run": dry_run, "sent": done.sent, "left": done.left})
        return
    console.print(f"{done.sent.total()} records {'would be sent' if dry_run else 'sent'} again")
    for topic, count in sorted(done.sent.items()):
        console.print(f"  {topic}: {count}")
    for why, count in sorted(done.left.items()):
        console.print(f"  left out, {LEFT.get(why, why)}: {count}")


LEFT = {
    "repeated": "the same record as another letter's",
    "unreadable": "sealed under a key that is not known, or damaged",
    "unknown_topic": "from a topic that is none of ours",
    "cut": "too large to have been kept whole",
    "empty": "without a value",
}


def _settings() -> "Connection":
    from connectors.settings import Connection

    return Connection.read(os.environ)


def _place(letter: "DeadLetter") -> str:
    return f"{letter.topic}-{letter.partition}@{letter.offset}"


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
