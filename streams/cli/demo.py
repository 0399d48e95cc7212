"""`leadstream demo`: all of it on this machine, with made-up or replayed traffic, and an account of every event."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec
import typer

from streams.cli.output import console, explained, fail, show_json

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

    from streams.cli.stack import Part, Stack
    from streams.demo.crm import Crm
    from streams.demo.sends import Send
    from streams.demo.show import Show

__all__ = ["demo"]

INTERRUPTED = 130
SNAPSHOT_KEY = "leadstream-demo-snapshots"  # a broker that stays keeps the model; the next demo must be able to read it


def demo(
    *,
    events: Annotated[int, typer.Option(min=0, help="About how many events; with --data, 0 = the whole file.")] = 4000,
    seed: Annotated[int, typer.Option(help="The same seed makes up the same people.")] = 1,
    rate: Annotated[float, typer.Option(min=0.0, help="Events a second; 0 = as fast as they are answered.")] = 500.0,
    data: Annotated[Path | None, typer.Option(help="Replay this data set instead of made-up traffic.")] = None,
    broker: Annotated[
        str, typer.Option(help="HOST:PORT of a broker that runs, or which one to start: embedded, kafka, docker.")
    ] = "auto",
    redis: Annotated[str, typer.Option(help="URL of a Redis that runs; without it one is started.")] = "",
    json: Annotated[bool, typer.Option("--json", help="End with one line of JSON.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Stay up afterwards, until Ctrl-C.")] = False,
    live: Annotated[bool, typer.Option(help="Draw the live table, where there is a terminal.")] = True,
) -> None:
    """Start everything on this machine, play traffic through it, and show the leads as they are routed.

    A throw-away set-up: made-up keys, everything on 127.0.0.1. Exits with 1 when an event was lost or none was routed.
    """
    from streams.demo.crm import Crm
    from streams.demo.senders import sendgrid_key
    from streams.demo.summary import summarise, text

    sends = _sends(events, seed, data)
    private, public = sendgrid_key()
    crm = Crm()
    stack = _stack(broker, redis, {**_settings(crm, public), "LEADSTREAM_TRAITS": ",".join(_kept(data))})
    for number in (signal.SIGTERM, signal.SIGINT):  # a shell's background jobs are started deaf to SIGINT
        signal.signal(number, signal.default_int_handler)
    try:
        show = _play(stack, crm, sends, _Pace(private, rate, live))
        summary = summarise(show, crm, seed, f"given: {broker}" if ":" in broker else stack.parts[0].what)
        console.print(f"\n{text(summary)}", markup=False, soft_wrap=True)
        if keep:
            console.print(_invitation(stack), markup=False, soft_wrap=True)
        if json:
            show_json(msgspec.to_builtins(summary))
        if keep:
            _stay(stack)
    except KeyboardInterrupt:
        console.print("\nStopped.")
        raise typer.Exit(INTERRUPTED) from None
    finally:
        stack.stop()
        crm.stop()
    raise typer.Exit(0 if summary.good else 1)


class _Pace(NamedTuple):
    """How the traffic is played and shown."""

    sendgrid: "EllipticCurvePrivateKey"
    rate: float
    live: bool


def _sends(events: int, seed: int, data: Path | None) -> "list[Send]":
    """Return the traffic to play, all of it made before anything is started: a file may turn out not to be readable."""
    from streams.demo.files import replay
    from streams.demo.generator import generate
    from streams.demo.rows import Unreadable

    now = time.time()
    try:
        return list(generate(seed, events, now) if data is None else replay(data, events, now, seed))
    except Unreadable as error:
        raise fail(f"--data: {error}", 2) from None


def _kept(data: Path | None) -> list[str]:
    """Return the traits of the data set that leads are scored on."""
    from streams.demo.files import recognise

    return recognise(data).kind.kept() if data else []


def _settings(crm: "Crm", sendgrid_public_key: str) -> dict[str, str]:
    return {
        "LEADSTREAM_SENDGRID_PUBLIC_KEY": sendgrid_public_key,
        "LEADSTREAM_SINK": "webhook",
        "LEADSTREAM_WEBHOOK_URL": crm.url,
        "LEADSTREAM_BUCKET_DAYS": "1,2,4,7",  # a month goes by in seconds: a horizon of one would see no verdict
        "LEADSTREAM_OUTCOME_LATE_HOURS": "36",  # and senders a little apart are a day apart
    }


def _stack(broker: str, redis: str, environ: dict[str, str]) -> "Stack":
    from streams.cli.stack import Stack

    if redis:
        os.environ["REDIS_URL"] = redis  # where the chooser of a Redis looks first
    if ":" in broker:
        return Stack(bootstrap=broker, environ={**environ, "LEADSTREAM_SNAPSHOT_KEY": SNAPSHOT_KEY})
    return Stack(broker=broker, environ=environ)


def _play(stack: "Stack", crm: "Crm", sends: "list[Send]", pace: _Pace) -> "Show":
    """Start everything, say what it is, and play the traffic."""
    from connectors.settings import Connection
    from streams.cli.stack import Part
    from streams.demo.senders import Keys, Senders
    from streams.demo.show import Show

    console.print("A throw-away set-up: made-up keys, one machine, everything on 127.0.0.1 only.\n")
    with explained():
        stack.start(_announce)
        crm.secret = stack.environ["LEADSTREAM_WEBHOOK_SECRET"]
        _announce(Part("CRM", "takes routed leads as signed webhooks", crm.url))
        keys = Keys(
            write_key=stack.key("LEADSTREAM_WRITE_KEYS"),
            crm_key=stack.key("LEADSTREAM_CRM_KEYS"),
            google_key=stack.environ["LEADSTREAM_GOOGLE_KEY"],
            sendgrid=pace.sendgrid,
        )
        settings = Connection.read({**os.environ, **stack.environ})
        show = Show(console, settings, crm, stack.tend, live=pace.live and console.is_terminal)
        console.print(f"\nPlaying {sum(len(send.ids) for send in sends)} events.\n")
        asyncio.run(show.run(sends, Senders(stack.url, keys, pace.rate)))
    return show


def _announce(part: "Part") -> None:
    console.print(f"  {part.name:<10} {part.what:<44} {part.where}", markup=False, soft_wrap=True)


def _invitation(stack: "Stack") -> str:
    """Say how to go on by hand."""
    event = '{"userId":"you","event":"Demo Requested","context":{"traits":{"email":"you@example.com"}}}'
    return f"""
Everything stays up until Ctrl-C. An event of your own:

  curl -u {stack.key("LEADSTREAM_WRITE_KEYS")}: -H 'content-type: application/json' \\
       -d '{event}' {stack.url}/v1/track

Then look at your leads with REDIS_URL={stack.environ["REDIS_URL"]} `leadstream leads hot`."""


def _stay(stack: "Stack") -> None:
    """Look after the processes until Ctrl-C."""
    try:
        while True:
            for said in stack.tend():
                console.print(said, markup=False)
            time.sleep(0.5)
    except KeyboardInterrupt:
        console.print("\nStopping.")
