"""Forgetting somebody who has asked for it."""

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.output import Json, console, errors, explained, fail, show_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.settings import EraseSettings
    from schemas.sighting import Identifiers
    from streams.wishes import Asked

__all__ = ["erase"]

Many = list[str] | None
AGAIN_S = 0.5


def erase(
    *,
    email: Annotated[Many, typer.Option("--email", help="Their address; repeat it for more people.")] = None,
    phone: Annotated[Many, typer.Option("--phone", help="Their number, with + and country code.")] = None,
    user: Annotated[Many, typer.Option("--user", help="Their user id, as your site sends it.")] = None,
    lead: Annotated[Many, typer.Option("--lead", help="A lead id, as `leads hot` or a routed lead has it.")] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", help="One person a line: an address, a +number, a lead id, or else a user id."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Follow each wish until it is applied, and destinations have answered.")
    ] = False,
    patience: Annotated[
        float, typer.Option("--timeout", min=0.0, help="How long --wait follows them, seconds; then the status is 1.")
    ] = 60.0,
    as_json: Json = False,
) -> None:
    """Erase people who ask to be forgotten.

    The wish is written as an event of theirs, behind all that they did before, and the workers apply it: profile and
    decision go, destinations are told to erase as well, and what comes late is kept out. It cannot be undone. Raw
    events stay until their topics' retention is over; docs/erasure.md says what goes when.

    Name everything that they are known by: two addresses that were never seen together are two leads.

        leadstream erase --email jane@example.com --phone "+44 20 7946 0958" --wait

        leadstream erase --file wishes.txt --yes
    """
    from connectors.settings import EraseSettings
    from streams import wishes

    with explained():
        settings = EraseSettings.read(os.environ)
        given = {"email": email, "phone": phone, "user": user, "lead": lead}
        wanted = _asked(list(_named(given, file)), settings)
        _sure(len(wanted), yes)
        spots = wishes.since(settings) if wait else {}
        wishes.send(settings, [one for _, one in wanted])
        if not as_json:
            for text, one in wanted:
                console.print(f"asked: {text} (lead {one.lead_id})", markup=False, soft_wrap=True)
        until = time.monotonic() + patience
        found = list(_follow(wanted, settings, spots, patience, show=not as_json)) if wait else []
        unanswered = _unanswered(settings, {str(it["lead"]) for it in found}, until)
    left = [text for text, one in wanted if wait and one.cause not in {it["cause"] for it in found}]
    if as_json:
        told = [{"name": text, "lead": one.lead_id, "cause": one.cause} for text, one in wanted]
        show_json({"asked": told, "erased": found, "waiting": left, "unanswered": unanswered})
    if unanswered and not as_json:
        errors.print(_owing(unanswered), markup=False, soft_wrap=True)
    if left:
        raise fail(
            f"not applied within {patience:g} s: {', '.join(left)}. What was asked is stored, and is done as soon as a "
            "worker comes to it: `leadstream check` says how far behind they are."
        )
    if unanswered:
        raise typer.Exit(1)


def _named(given: dict[str, Many], file: Path | None) -> "Iterator[tuple[str, Identifiers]]":
    """Yield everybody who is named, as they were written and by which identifier."""
    from connectors.sources.wishes import name
    from schemas.sighting import Identifiers

    for kind, texts in given.items():
        for text in texts or ():
            yield text, Identifiers(**{kind: text})
    if file is not None:
        try:
            lines = file.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise fail(f"--file {file} cannot be read ({type(error).__name__})", 2) from None
        yield from ((line.strip(), name(line)) for line in lines if line.strip())


def _asked(named: "list[tuple[str, Identifiers]]", settings: "EraseSettings") -> "list[tuple[str, Asked]]":
    """Return the wishes, or end the command before any is sent."""
    from schemas.rejected import Rejected
    from streams.wishes import asked

    if not named:
        raise fail("nobody is named; give --email, --phone, --user, --lead or --file", 2)
    pepper, now, wanted, odd = settings.pepper.get_secret_value(), time.time(), [], []
    for text, who in named:
        try:
            wanted.append((text, asked(who, pepper, now)))
        except Rejected:
            odd.append(text)
    if odd:
        raise fail(f"nobody can be found by {', '.join(odd)}; nothing was sent", 2)
    return wanted


def _sure(count: int, yes: bool) -> None:
    """Ask, unless told not to; who cannot be asked has to say it."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise fail("erasing cannot be undone; say --yes where nobody can be asked", 2)
    if not typer.confirm(f"Erase {count} {'person' if count == 1 else 'people'} for good?", err=True):
        raise fail("nothing was sent")


def _follow(
    wanted: "list[tuple[str, Asked]]",
    settings: "EraseSettings",
    spots: "dict[tuple[str, int], int]",
    patience_s: float,
    *,
    show: bool,
) -> "Iterator[dict[str, str | float]]":
    from streams.wishes import erased

    names = {one.cause: text for text, one in wanted}
    if show:
        errors.print("waiting for the workers ...")
    for one in erased(settings, [it for _, it in wanted], spots, patience_s):
        if show:
            said = f"erased: {names[one.cause]} (lead {one.lead_id}), {one.after_s:.1f} s after it was asked for"
            console.print(said, markup=False, soft_wrap=True)
        yield {"name": names[one.cause], "lead": one.lead_id, "cause": one.cause, "after_s": round(one.after_s, 3)}


def _unanswered(settings: "EraseSettings", leads: set[str], until: float) -> "dict[str, dict[str, object]]":
    """Return the destinations that have not answered of some of these leads by then, what they do, and of whom."""
    from connectors import controls, forgotten
    from connectors.destinations import erasing

    open_ = erasing(settings) if leads else ()
    states = controls.states(settings) if open_ else {}
    while True:
        waits = {one: sorted(forgotten.unanswered(settings, one) & leads) for one in open_}
        open_ = tuple(one for one, left in waits.items() if left)
        stand_still = all(states.get(one.name, controls.State.RUNNING) is not controls.State.RUNNING for one in open_)
        if stand_still or time.monotonic() > until:
            return {
                one.name: {"state": str(states.get(one.name, controls.State.RUNNING)), "leads": waits[one]}
                for one in open_
            }
        time.sleep(AGAIN_S)


def _owing(unanswered: "dict[str, dict[str, object]]") -> str:
    """Say who has not answered, and what to do."""
    named = [f"{name} ({told['state']})" for name, told in unanswered.items()]
    return (
        f"not answered yet by {', '.join(named)}: each is told once a relay comes to it. `leadstream destinations "
        "list` says whether one runs and how far behind it is; `resume` lets a paused one go on."
    )
