"""`leadstream up`, and the processes it is made of. Each reads its settings from the environment (docs/settings.md)."""

import os
import signal
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Annotated
from urllib.parse import urlsplit

import typer

from streams.cli.output import console, explained, logs

__all__ = ["collector", "demo", "fetcher", "outlet", "probe", "relay", "up", "view", "worker"]

Processes = Annotated[int, typer.Option("--processes", "-p", min=1, help="How many; one for each core is good.")]


def demo(context: typer.Context) -> None:
    """Start everything on this machine, play traffic through it, and show the leads as they are routed."""
    from streams.cli.demo import demo as play  # heavy, and with options of its own

    own = typer.Typer(
        add_completion=False, pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]}
    )
    own.command()(play)
    own(context.args, prog_name="leadstream demo")


def up(
    broker: Annotated[
        str, typer.Option(help="HOST:PORT of a broker that runs, or which one to start: embedded, kafka, docker.")
    ] = "auto",
    port: Annotated[int, typer.Option(help="Where the collector listens; 0 takes a free port.")] = 8080,
    processes: Processes = 1,
    data_dir: Annotated[
        Path | None, typer.Option(help="Keep topics and keys here; without it they are gone afterwards.")
    ] = None,
) -> None:
    """Start everything on this machine and stay up: broker, Redis, collector, worker, relay, view, probe.

    A throw-away single-machine set-up with made-up keys, for trying things out. Ctrl-C stops it.
    Set LEADSTREAM_WEBHOOK_URL, or LEADSTREAM_DESTINATIONS_FILE, to have routed leads delivered somewhere.
    """
    from streams.cli.stack import Stack

    given = ":" in broker
    stack = Stack(
        bootstrap=broker if given else "",
        broker="auto" if given else broker,
        port=port,
        processes=processes,
        data_dir=data_dir,
        probe=True,
    )
    for number in (signal.SIGTERM, signal.SIGINT):  # a shell's background jobs are started deaf to SIGINT
        signal.signal(number, _interrupt)
    try:
        with explained():
            stack.start(
                lambda part: console.print(
                    f"  {part.name:<10} {part.what:<44} {part.where}", markup=False, soft_wrap=True
                )
            )
        console.print(f"\nA throw-away single-machine set-up; everything listens on 127.0.0.1 only. {_kept(data_dir)}")
        console.print(outlet({**os.environ, **stack.environ}), markup=False, soft_wrap=True)
        console.print("Ctrl-C stops it. Send it an event:\n")
        console.print(_curl(stack.url, stack.key("LEADSTREAM_WRITE_KEYS")), markup=False, soft_wrap=True)
        console.print(_exports(stack.environ), markup=False, soft_wrap=True)
        while True:
            for told in stack.tend():
                console.print(told, markup=False)
            time.sleep(0.5)
    except KeyboardInterrupt:
        console.print("\nstopping")
    finally:
        stack.stop()


def collector() -> None:
    """Take events over HTTP and write them to Kafka."""
    from connectors.collector import run
    from connectors.settings import CollectorSettings

    logs("collector")
    with explained():
        run(CollectorSettings.read(os.environ))


def worker(processes: Processes = 1) -> None:
    """Resolve, score and route: the pipeline itself.

    With more than one process, each is a worker of its own, started again when it exits; its partitions wait for it.
    Their /metrics are on consecutive ports from LEADSTREAM_METRICS_PORT on.
    """
    from connectors.settings import WorkerSettings

    logs("worker")
    with explained():
        settings = WorkerSettings.read(os.environ)
    if processes > 1:
        from streams.cli.keeper import Twin, keep
        from streams.names import named

        name = named(settings)
        ports = [settings.metrics_port + number if settings.metrics_port else 0 for number in range(processes)]
        with tempfile.TemporaryDirectory(prefix="leadstream-exits-") as ours:  # it outlives them, if not us
            shared = {"LEADSTREAM_EXITS_DIR": settings.exits_dir or settings.state_dir or ours}
            twins = {
                f"worker-{number}": Twin(
                    ["worker"],
                    shared | {"LEADSTREAM_METRICS_PORT": str(port), "LEADSTREAM_WORKER_NAME": f"{name}-{number}"},
                )
                for number, port in enumerate(ports)
            }
            keep(twins)
        return
    from streams.app import run_worker

    with explained():
        run_worker(settings)


def fetcher() -> None:
    """Fetch what Meta, LinkedIn, HubSpot and Salesforce only tell of, and confirm subscriptions of SNS."""
    from connectors.fetcher import run
    from connectors.settings import FetcherSettings

    logs("fetcher")
    with explained():
        run(FetcherSettings.read(os.environ))


def relay() -> None:
    """Deliver routed leads to your CRM's webhook, signed, in order for each lead, and again until it has taken them."""
    from connectors.relay import run
    from connectors.settings import RelaySettings

    logs("relay")
    with explained():
        run(RelaySettings.read(os.environ))


def probe() -> None:
    """Watch from outside: how far each group is behind, whether the books close, how long a canary lead takes.

    With LEADSTREAM_CANARY_KEY, the collector's too, it sends a canary lead now and then; none is ever delivered.
    """
    from connectors.probe import run
    from connectors.settings import ProbeSettings

    logs("probe")
    with explained():
        run(ProbeSettings.read(os.environ))


def view(
    rebuild: Annotated[
        bool,
        typer.Option("--rebuild", help="Forget all leads and read the topics again; after a loss of Redis it does so."),
    ] = False,
) -> None:
    """Keep the serving view in Redis up to date, for `leadstream lead show` and whoever else looks leads up."""
    from redis import RedisError

    from connectors.settings import ViewSettings
    from connectors.view import run
    from streams.cli.output import fail

    logs("view")
    with explained():
        try:
            run(ViewSettings.read(os.environ), rebuild)
        except RedisError as error:
            raise fail(f"Redis at REDIS_URL cannot be emptied ({type(error).__name__}); start it first") from None


def outlet(environ: Mapping[str, str]) -> str:
    """Return a sentence about where the relay of this environment hands routed leads. Raises `SettingsError`."""
    from connectors.destinations import destinations
    from connectors.settings import RelaySettings

    settings = RelaySettings.read(environ)
    found = destinations(settings, environ)
    if settings.destinations_file:
        names = ", ".join(f"{it.name} ({it.sink})" for it in found)
        return f"Routed leads go to the destinations of {settings.destinations_file}: {names}."
    if settings.sink == "memory":
        remedy = "set LEADSTREAM_WEBHOOK_URL or LEADSTREAM_DESTINATIONS_FILE to have them delivered"
        return f"Routed leads go nowhere: the relay keeps the last ones to itself (LEADSTREAM_SINK=memory); {remedy}."
    host = urlsplit(settings.webhook_url).hostname  # the rest of the address may hold a secret
    return f"Routed leads are posted to LEADSTREAM_WEBHOOK_URL, at {host}."


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - what a signal handler is given
    raise KeyboardInterrupt


def _kept(data_dir: Path | None) -> str:
    return f"Topics and keys stay in {data_dir}." if data_dir else "Nothing is kept when it stops."


def _curl(url: str, write_key: str) -> str:
    event = '{"event":"Demo Requested","userId":"u1","messageId":"m1","properties":{"path":"/demo"}}'
    return f"  curl -u {write_key}: -H 'content-type: application/json' \\\n       -d '{event}' {url}/v1/track\n"


def _exports(environ: dict[str, str]) -> str:
    names = ("BOOTSTRAP", "REDIS_URL", "PEPPER", "SNAPSHOT_KEY", "WRITE_KEYS", "CRM_KEYS", "GOOGLE_KEY", "SINK")
    shown = [name for name in environ if any(part in name for part in names)]
    return "What other shells need:\n\n" + "\n".join(f"  export {name}={environ[name]}" for name in shown) + "\n"
