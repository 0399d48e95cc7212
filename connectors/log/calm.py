"""Libraries that cannot reach a broker say so many times a second: once in a while is enough, with how often it was."""

import logging

from connectors.log.gate import ours

__all__ = ["EVERY_S", "Calm"]

EVERY_S = 5.0
MOST = 1_000  # places in code that are remembered


class Calm(logging.Filter):
    """Lets a library's warning from one place in its code through once in `EVERY_S`; ours always."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[object, ...], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record is written; `repeated` says of how many others it speaks."""
        if ours(record) or record.levelno < logging.WARNING:
            return True
        kind = record.args[0] if isinstance(record.args, tuple) and record.args else ""
        place = record.name, record.pathname, record.lineno, kind if isinstance(kind, str) else ""
        at, held = self._seen.get(place, (float("-inf"), 0))
        if record.created - at < EVERY_S:
            self._seen[place] = at, held + 1
            return False
        if len(self._seen) >= MOST:
            self._seen.clear()
        self._seen[place] = record.created, 0
        if held:
            record.repeated = held
        return True
