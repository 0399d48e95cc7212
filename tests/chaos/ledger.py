"""What the senders know: a line on disk before each request and after each answer, so that no crash of ours forgets."""

import os
from collections import Counter
from pathlib import Path

import msgspec

UNANSWERED = 0


class Line(msgspec.Struct, omit_defaults=True):
    """One attempt at a request, asked (`ids`) or answered (`status`, 0 = no answer came; `refused` by place).

    `at` in monotonic seconds; `hold` tells that the answer had a Retry-After.
    """

    request: int
    at: float
    ids: tuple[str, ...] = ()
    status: int | None = None
    refused: tuple[int, ...] = ()
    hold: bool = False


_line = msgspec.json.Decoder(Line)


class Ledger:
    """Appends lines, each on disk before the call returns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        self._number = 0

    def ask(self, ids: tuple[str, ...], at: float) -> int:
        """Note that a request is about to be sent; return its number. A request sent again has another."""
        self._number += 1
        self._write(Line(self._number, at, ids=ids))
        return self._number

    def answer(self, request: int, at: float, status: int, refused: tuple[int, ...] = (), hold: bool = False) -> None:
        """Note what came of it."""
        self._write(Line(request, at, status=status, refused=refused, hold=hold))

    def close(self) -> "Books":
        """Close the file and read it."""
        os.close(self._file)
        return read(self._path)

    def _write(self, line: Line) -> None:
        os.write(self._file, msgspec.json.encode(line) + b"\n")
        os.fdatasync(self._file)


class Answered(msgspec.Struct):
    """An attempt and what came of it: `asked` and `at` in monotonic seconds."""

    asked: float
    at: float
    status: int
    hold: bool


class Books:
    """A ledger, read: by event id, how often it was accepted, refused, and sent without anybody knowing the outcome."""

    def __init__(self) -> None:
        self.accepted: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.answers: list[Answered] = []


def read(path: Path) -> Books:
    """Read a ledger's file: what was asked and never answered is unknown."""
    books = Books()
    open_: dict[int, Line] = {}
    for line in map(_line.decode, path.read_bytes().splitlines()):
        if line.status is None:
            open_[line.request] = line
            continue
        asked = open_.pop(line.request)
        books.statuses[line.status] += 1
        books.answers.append(Answered(asked.at, line.at, line.status, line.hold))
        _book(books, asked.ids, line)
    for asked in open_.values():
        books.unknown.update(asked.ids)
    return books


def _book(books: Books, ids: tuple[str, ...], answer: Line) -> None:
    status = answer.status or UNANSWERED
    if status == UNANSWERED or status >= 500 or status == 429:
        books.unknown.update(ids)
    elif status >= 400:
        books.refused.update(ids)
    else:
        refused = set(answer.refused)
        books.refused.update(ids[place] for place in refused)
        books.accepted.update(id_ for place, id_ in enumerate(ids) if place not in refused)
