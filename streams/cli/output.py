"""How commands speak: results on stdout, the rest on stderr, errors as sentences; status 0, 1 (problem), 2 (misuse)."""

import json
import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Annotated

import typer
from rich.console import Console

__all__ = [
    "Json",
    "console",
    "errors",
    "explained",
    "fail",
    "logs",
    "moment",
    "show_fields",
    "show_json",
    "since",
    "when",
]

WIDE = 200  # in a pipe or a file nothing needs to be broken into lines
console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
errors = Console(stderr=True, highlight=False)
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
_speaks = SimpleNamespace(json=False)
UNIT_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@contextmanager
def explained() -> Iterator[None]:
    """Turn the errors we know into a sentence and an exit status; others are bugs and show their trace."""
    try:
        yield
    except Exception as error:
        status = _status(error)
        if status is None:
            raise
        raise fail(str(error), status) from None


def fail(text: str, status: int = 1) -> typer.Exit:
    """Say what is wrong; to be raised. A process that logs JSON says it as one event."""
    if _speaks.json:
        logging.getLogger(__name__).error("it cannot go on", extra={"why": text.replace("\n", "; ")})
    else:
        errors.print(text, style="red", markup=False, soft_wrap=True)
    return typer.Exit(status)


def logs(part: str) -> None:
    """Send this process's log lines to stderr, as `LEADSTREAM_LOG_FORMAT` and `LOG_LEVEL` have it.

    The first of them tell which settings' names may be misspelt.
    """
    from connectors import log
    from connectors.spelling import misspelt

    log.install(part)
    _speaks.json = log.shape(os.environ) is log.Shape.JSON
    for said in misspelt(os.environ):
        logging.getLogger(__name__).warning("a setting may be misspelt", extra={"why": said})


def show_fields(told: Mapping[str, object]) -> None:
    """Print fields for people, one a line."""
    for name, text in told.items():
        console.print(f"{name + ':':<11} {text}", markup=False, soft_wrap=True)


def show_json(found: object) -> None:
    """Print JSON, one document."""
    sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")


def when(at: float) -> str:
    """Return a time as people read it.

    >>> when(0.0)
    '1970-01-01 00:00:00Z'
    """
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}Z"


def moment(text: str, now: float) -> float:
    """Return the time that `30m`, `2h`, `1d` (ago) or an ISO time names, seconds since the epoch. Raises `ValueError`.

    >>> moment("2h", 10_000.0), moment("1970-01-01T01:00:00Z", 0.0), moment("", 5.0)
    (2800.0, 3600.0, 0.0)
    """
    if not text:
        return 0.0
    ago = re.fullmatch(r"(\d+)([smhd])", text)
    if ago:
        return now - int(ago[1]) * UNIT_S[ago[2]]
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def since(text: str, now: float) -> float:
    """Return `moment(text, now)`, or end the command with a sentence."""
    try:
        return moment(text, now)
    except ValueError:
        raise fail(f"--since {text} is not a time; write 30m, 2h, 1d or 2026-11-20T09:00:00Z", 2) from None


def _status(error: Exception) -> int | None:
    """Return the exit status of an error that has been foreseen, None for a bug."""
    from confluent_kafka import KafkaException

    from connectors.kafka import BrokerUnreachable, TopicsUnfit
    from connectors.sending import NotTakenError
    from connectors.settings import SettingsError
    from schemas.registry import RegistryUnavailable, SchemaRefused
    from streams.runtime.handle import UnavailableError
    from streams.runtime.process import StartError

    if isinstance(error, SettingsError):
        return 2
    world = (BrokerUnreachable, TopicsUnfit, RegistryUnavailable, SchemaRefused, UnavailableError, KafkaException)
    return 1 if isinstance(error, (*world, StartError, NotTakenError)) else None
