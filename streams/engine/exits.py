"""Leaving at once: no clean-up could make a fenced or stuck worker safe, and nothing uncommitted is worth saving.

Supervisors restart on any of these codes; the log's last line says which it was.
"""

import logging
import os
from collections.abc import Mapping
from enum import IntEnum
from typing import NoReturn

log = logging.getLogger(__name__)
EXITS = "LEADSTREAM_EXITS"  # by which a supervisor tells a worker how its former lives ended: "fenced=2,killed=1"


class Exit(IntEnum):
    """Exit codes of a worker that ended itself; none looks like a signal or a traceback."""

    FENCED = 70
    CRASHES = 71
    STALLED = 72
    CRASHED = 73
    STATE = 74
    MISPLACED = 75


def reason(code: int) -> str:
    """Return what a process's exit code says, as it is counted: a worker's own word, `killed` by a signal, or `other`.

    >>> reason(70), reason(-9), reason(1)
    ('fenced', 'killed', 'other')
    """
    if code < 0:
        return "killed"
    return Exit(code).name.lower() if code in set(Exit) else "other"


def earlier(environ: Mapping[str, str]) -> dict[str, int]:
    """Return how often this worker has ended before, by `reason`, as far as its supervisor tells.

    >>> earlier({"LEADSTREAM_EXITS": "fenced=2,killed=1"})
    {'fenced': 2, 'killed': 1}
    """
    told = (part.partition("=") for part in environ.get(EXITS, "").split(",") if part)
    return {why: int(count) for why, _, count in told}


def leave(code: Exit, why: str) -> NoReturn:
    """End the process now, saying why."""
    log.critical("worker leaves", extra={"reason": code.name.lower(), "code": int(code), "why": why})
    logging.shutdown()
    os._exit(code)
