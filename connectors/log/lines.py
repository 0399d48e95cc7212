"""How an event is written: one line, as JSON for machines or as text for people."""

import json
import logging
from collections.abc import Callable
from enum import StrEnum

from connectors.log.gate import Event, event

__all__ = ["Lines", "Shape"]

FIRST = ("at", "level", "logger", "event")


class Shape(StrEnum):
    """What log lines look like."""

    CONSOLE = "console"
    JSON = "json"


class Lines(logging.Formatter):
    """Formats records as events. `part` is the process's name; `trace_id` returns the current trace's id, or ""."""

    def __init__(self, shape: Shape, part: str, trace_id: Callable[[], str] = str) -> None:
        super().__init__()
        self._write = _json if shape is Shape.JSON else _console
        self._part = part
        self.trace_id = trace_id

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return self._write(event(record, self.trace_id) | {"part": self._part, "pid": record.process or 0})


def _json(told: Event) -> str:
    return json.dumps(told, ensure_ascii=False)


def _console(told: Event) -> str:
    fields = " ".join(f"{name}={_word(value)}" for name, value in told.items() if name not in FIRST)
    return f"{told['at']} {str(told['level']).upper():<8} {told['logger']}: {told['event']}  {fields}"


def _word(value: object) -> str:
    if isinstance(value, list):
        return json.dumps(" < ".join(map(str, reversed(value))), ensure_ascii=False)
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if " " in text else text
