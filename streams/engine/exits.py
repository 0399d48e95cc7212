"""Leaving at once: no clean-up could make a fenced or stuck worker safe, and nothing uncommitted is worth saving.

Supervisors restart on any of these codes; the log's last line says which it was, and so does the next life (`lives`).
Where nobody reads the log any more and its pipe is full, whoever writes to it stands: so a clock runs beside.
"""

import logging
import os
import threading
from collections.abc import Callable
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

    @property
    def reason(self) -> str:
        """The word it is logged and counted by."""
        return self.name.lower()


WORDS_S = 5.0  # for last words
last_words: list[Callable[[str], None]] = []  # who hears the reason before the process is gone


def leave(code: Exit, why: str) -> NoReturn:
    """End the process now, saying why."""
    doom(code)
    for hear in last_words:
        hear(code.reason)
    log.critical("worker leaves", extra={"reason": code.reason, "code": int(code), "why": why})
    logging.shutdown()
    os._exit(code)


def doom(code: Exit) -> None:
    """End the process soon, whatever becomes of what is still to be said."""
    clock = threading.Timer(WORDS_S, os._exit, (code,))
    clock.daemon = True
    clock.start()
