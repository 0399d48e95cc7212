"""How a worker's former lives ended, counted in a file that outlives it: who dies cannot be scraped any more.

The file's first line says how the life under way will have ended if nothing is written to it again: "killed". A worker
that ends itself writes its reason over it, in place, so that a full disk cannot prevent it; the next life adds it up.
"""

import json
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from streams.engine.exits import Exit, last_words

__all__ = ["REASONS", "Lives"]

log = logging.getLogger(__name__)
KILLED, OTHER, CLEAN = "killed", "other", "clean"
REASONS = (*(code.reason for code in Exit), KILLED, OTHER)
"""Why a worker's life may have ended, but for being told to: `killed` = by a signal or with its machine."""
SLOT = 16  # bytes of the first line, its end among them


class Lives:
    """The lives of one worker, in a file of its own: a context manager around the one under way.

    `ended` counts those before by `REASONS`; all are 0 where `file` is None, or is none of ours. A file that cannot be
    written is logged, and ends nobody.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self.ended = dict.fromkeys(REASONS, 0)

    def __enter__(self) -> Self:
        if self._file is not None:
            if self._file.exists():
                self._read(self._file)
            try:
                self._begin(self._file)
                last_words.append(self._note)
            except OSError as error:
                log.warning("no note can be kept of how this worker ends", extra={"why": str(error)})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        told_to = kind is None or not issubclass(kind, Exception)  # SIGINT and SIGTERM raise no `Exception`
        if self._note in last_words:
            last_words.remove(self._note)
            self._note(CLEAN if told_to else OTHER)

    def _read(self, file: Path) -> None:
        try:
            slot, _, counts = file.read_text().partition("\n")
            before: Mapping[str, int] = {**json.loads(counts)}
            self.ended |= {why: int(before[why]) for why in REASONS if why in before}
        except (OSError, ValueError, TypeError) as error:
            log.warning("what is known of this worker's former lives cannot be read", extra={"why": str(error)})
            return
        if (why := slot.strip()) in REASONS:
            self.ended[why] += 1

    def _begin(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        written = file.with_suffix(".new")
        written.write_text(_slot(KILLED) + json.dumps(self.ended))
        written.replace(file)

    def _note(self, why: str) -> None:
        """Write over the first line; called once, from whichever thread ends the process."""
        if self._file is not None:
            with suppress(OSError), self._file.open("r+b", buffering=0) as file:
                os.pwrite(file.fileno(), _slot(why).encode(), 0)


def _slot(why: str) -> str:
    return f"{why:<{SLOT - 1}}\n"
