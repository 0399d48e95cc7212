"""Leaving at once: no clean-up could make a fenced or stuck worker safe, and nothing uncommitted is worth saving.

Supervisors restart on any of these codes; the log's last line says which it was.
"""

import logging
import os
from enum import IntEnum
from typing import NoReturn

log = logging.getLogger(__name__)


class Exit(IntEnum):
    """Exit codes of a worker that ended itself; none looks like a signal or a traceback."""

    FENCED = 70
    CRASHES = 71
    STALLED = 72
    CRASHED = 73
    STATE = 74
    MISPLACED = 75


def leave(code: Exit, why: str) -> NoReturn:
    """End the process now, saying why."""
    log.critical("worker leaves (%s, exit code %d): %s", code.name.lower(), code, why)
    logging.shutdown()
    os._exit(code)
