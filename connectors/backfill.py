"""Leads of a time gone by, from the platforms' own APIs, page by page: what notices did not tell of, or not yet.

A page is written to `events.*`, and where the next one is noted once the broker has it; so an interrupted backfill goes
on where it was. A lead that a notice has brought, too, is the same event.
"""

import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from connectors.egress.http import Retry
from connectors.fetchers.contract import Backfiller, Gone, Leads, Range
from connectors.fetchers.linkedin_ads import LinkedInFetcher
from connectors.fetchers.meta_ads import MetaFetcher
from connectors.lane import pause_s
from connectors.sending import Sending
from connectors.sources import SOURCES
from connectors.wrapping import wrapped
from schemas.codec import Codec
from schemas.rejected import Rejected
from schemas.topics import EVENTS

__all__ = ["BACKFILLERS", "Done", "Missing", "begin", "noted", "run"]

BACKFILLERS: dict[str, type[Backfiller]] = {"meta_ads": MetaFetcher, "linkedin_ads": LinkedInFetcher}
Wait = Callable[[float], Awaitable[None]]
SCHEDULE_S = (2.0, 10.0, 60.0, 300.0)


class Missing(Exception):
    """There is nothing to be fetched, or the note is not to be used; the text says what to do."""


class Done(msgspec.Struct):
    """How far a backfill has come: `at` is where the next page is; `whole` = there is none."""

    source: str
    of: str
    since: float
    until: float
    at: str = ""
    sent: int = 0
    whole: bool = False


def begin(note: Path, asked: Done, anew: bool) -> Done:
    """Return where to go on: what is noted of the same source and form, or the beginning. Raises `Missing`."""
    if anew or not note.exists():
        return asked
    try:
        found = msgspec.json.decode(note.read_bytes(), type=Done)
    except (OSError, msgspec.DecodeError):
        raise Missing(f"{note} cannot be read; remove it, or say --restart") from None
    if (found.source, found.of) != (asked.source, asked.of):
        raise Missing(f"{note} is of {found.source} {found.of}; say --restart, or name another --note")
    return found


def noted(note: Path, done: Done) -> None:
    """Write down how far a backfill has come."""
    beside = note.with_suffix(".part")
    beside.write_bytes(msgspec.json.encode(done))
    beside.replace(note)


Told = Callable[[Done, str], None]  # how far it has come, and why it waits ("" = it does not)


async def run(
    fetcher: Backfiller,
    done: Done,
    codec: Codec,
    sending: Sending,
    *,
    told: Told,
    clock: Callable[[], float],
    wait: Wait,
) -> Done:
    """Fetch and write page after page until there is none. Raises `Missing`, `NotTakenError`.

    `clock` gives the time at which events are received, seconds since the epoch; `wait` sleeps so many seconds.
    """
    topic, attempt = EVENTS[SOURCES[done.source].channel].name, 0
    while not done.whole:
        try:
            found = await fetcher.leads(Range(done.of, done.since, done.until), done.at)
        except Rejected as rejected:
            raise Missing(f"{done.source} answers what is not understood: {rejected}") from None
        match found:
            case Gone(why):
                raise Missing(f"{done.source} has no leads of {done.of}: {why}")
            case Retry(after_s, why):
                wait_s = pause_s(attempt, after_s, random.random(), SCHEDULE_S)
                told(done, f"waiting {wait_s:.0f} s: {why}")
                await wait(wait_s)
                attempt += 1
            case Leads(parts, following):
                attempt = 0
                for part in parts:
                    raw = wrapped(done.source, part, clock())
                    sending.send(topic, raw.key.encode(), codec.encode(raw))
                sending.flush()
                sent = done.sent + len(parts)
                done = msgspec.structs.replace(done, at=following, sent=sent, whole=not following)
                told(done, "")
    return done
