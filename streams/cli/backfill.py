"""Leads of a time gone by, from the platforms whose notices we missed or did not have yet."""

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.output import Json, console, errors, explained, fail, show_json, since, when

if TYPE_CHECKING:
    from connectors.backfill import Done
    from connectors.settings import FetcherSettings

__all__ = ["backfill"]


def backfill(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="meta_ads or linkedin_ads.")],
    of: Annotated[
        str,
        typer.Argument(
            metavar="FORM",
            help="Meta: a form's id. LinkedIn: the owner, urn:li:sponsoredAccount:1 or urn:li:organization:1.",
        ),
    ],
    *,
    since_: Annotated[str, typer.Option("--since", help="Leads from then on: 2h, 30d, or an ISO time.")] = "30d",
    until_: Annotated[str, typer.Option("--until", help="Leads up to then; now.")] = "",
    note: Annotated[
        Path | None, typer.Option("--note", help="Where it is noted how far it has come; ./backfill-SOURCE-FORM.json.")
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="From the first page, whatever was done before.")] = False,
    as_json: Json = False,
) -> None:
    """Fetch the leads of a form again, or for the first time.

    They are written as events, as if their notices had just come; a lead that is there already counts once. A platform
    that limits us or is away is asked again until it answers. What is interrupted goes on where it was when the same
    command is given again. Tokens are those of `leadstream fetcher`.

        leadstream backfill meta_ads 880011223344 --since 7d
    """
    from connectors.backfill import BACKFILLERS, Done, Missing, begin
    from connectors.settings import FetcherSettings

    if source not in BACKFILLERS:
        raise fail(f"{source} cannot be backfilled; there are {', '.join(BACKFILLERS)}", 2)
    now = time.time()
    begins, ends = since(since_, now), since(until_, now) or now
    if begins >= ends:
        raise fail("--since must lie before --until", 2)
    name = "".join(letter if letter.isalnum() else "-" for letter in of)
    place = note or Path(f"backfill-{source}-{name}.json")
    try:
        with explained():
            settings = FetcherSettings.read(os.environ)
            done = begin(place, Done(source, of, begins, ends), restart)
            if done.whole:
                errors.print(f"all of it was fetched before; --restart does it again ({place})", soft_wrap=True)
            else:
                done = asyncio.run(_run(settings, done, place))
    except Missing as missing:
        raise fail(str(missing)) from None
    if as_json:
        show_json({"source": source, "of": of, "since": done.since, "until": done.until, "sent": done.sent})
    else:
        console.print(f"{done.sent} leads from {when(done.since)} to {when(done.until)} are written", markup=False)


async def _run(settings: "FetcherSettings", done: "Done", place: Path) -> "Done":
    from connectors.backfill import BACKFILLERS, noted, run
    from connectors.fetcher import reading
    from connectors.sending import Sending
    from schemas.codec import Codec
    from schemas.registry import open_registry

    def told(now: "Done", why: str) -> None:
        noted(place, now)
        errors.print(f"{now.sent} leads" + (f", {why}" if why else ""), markup=False)

    codec = Codec(open_registry(settings.schema_registry_url or None), ["RawEvent"])
    http = reading(settings)
    try:
        with Sending(settings) as sending:
            fetcher = BACKFILLERS[done.source](settings, http)
            return await run(fetcher, done, codec, sending, told=told, clock=time.time, wait=asyncio.sleep)
    finally:
        await http.close()
