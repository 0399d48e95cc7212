"""Everything that a process says, through one gate: our lines, libraries', warnings, and what nobody has caught."""

import logging
import os
import sys
import threading
import warnings
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TextIO

from connectors.log.calm import Calm
from connectors.log.dropped import DROPPED
from connectors.log.lines import Lines, Shape
from connectors.log.trace import TRACE_ID

__all__ = ["FORMAT", "LEVEL", "install", "shape"]

FORMAT, LEVEL = "LEADSTREAM_LOG_FORMAT", "LOG_LEVEL"
CHATTY = "aiokafka.consumer.fetcher"  # at debug it speaks of every fetch of every partition: hundreds of lines a second
LEVELS = ("debug", "info", "warning", "error")
log = logging.getLogger(__name__)


class _Sink(logging.StreamHandler[TextIO]):
    """Writes lines; what cannot be written is counted, never shown: the usual complaint would quote it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's own name
        DROPPED.labels("line").inc()


def shape(environ: Mapping[str, str]) -> Shape | None:
    """Return what lines are to look like; None when the setting is none that we know."""
    asked = environ.get(FORMAT, "") or Shape.CONSOLE
    return Shape(asked) if asked in set(Shape) else None


def install(
    part: str,
    environ: Mapping[str, str] = os.environ,
    stream: TextIO | None = None,
    trace_id: Callable[[], str] = TRACE_ID.get,
) -> None:
    """Send all log lines of this process to stderr, as `LEADSTREAM_LOG_FORMAT` and `LOG_LEVEL` have it.

    `part` is the process's name, `trace_id` returns the id of the trace that is under way. An unknown setting is said
    so in the first line, and the default taken.
    """
    level, asked = environ.get(LEVEL, "").lower() or "info", shape(environ)
    sink = _Sink(stream or sys.stderr)
    sink.addFilter(Calm())
    sink.setFormatter(Lines(asked or Shape.CONSOLE, part, trace_id))
    root = logging.getLogger()
    root.handlers[:] = [sink]
    root.setLevel(level.upper() if level in LEVELS else "INFO")
    logging.getLogger(CHATTY).setLevel("INFO")
    logging.raiseExceptions = False
    warnings.showwarning = _warned
    sys.excepthook = _uncaught
    sys.unraisablehook = lambda it: _uncaught(it.exc_type, it.exc_value, it.exc_traceback)
    threading.excepthook = lambda it: _uncaught(it.exc_type, it.exc_value, it.exc_traceback)
    if level not in LEVELS:
        log.warning("LOG_LEVEL is not known; set it to debug, info, warning or error")
    if asked is None:
        log.warning("LEADSTREAM_LOG_FORMAT is not known; set it to console or json")


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    log.critical("nobody has caught this: it is a bug", exc_info=(kind, error or kind(), trace))


def _warned(  # noqa: PLR0917
    message: Warning | str,  # noqa: ARG001 - what it says may quote anything
    category: type[Warning],
    filename: str,  # noqa: ARG001
    lineno: int,  # noqa: ARG001
    file: TextIO | None = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    log.warning("a warning of Python's", extra={"reason": category.__name__})
