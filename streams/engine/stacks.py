"""Where everything stands: each thread's frames and each task's, for the log of a worker that stands still."""

import asyncio
import sys
import threading
from collections.abc import Iterable, Iterator
from types import CodeType
from typing import Any

__all__ = ["standing"]

DEPTH = 8  # the innermost frames of each


def standing(loops: Iterable[asyncio.AbstractEventLoop]) -> Iterator[tuple[str, str]]:
    """Yield the name of each thread, and of each task of these loops, and where it stands, innermost frame first."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        yield f"thread {names.get(ident, ident)}", _told(_outward(frame))
    for loop in loops:
        for task in asyncio.all_tasks(loop):
            yield f"task {task.get_name()}", _told(_inward(task.get_coro()))


def _outward(frame: Any) -> list[str]:
    places: list[str] = []
    while frame is not None and len(places) < DEPTH:
        places.append(_place(frame.f_code, frame.f_lineno))
        frame = frame.f_back
    return places


def _inward(coroutine: Any) -> list[str]:
    places: list[str] = []
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        places.append(_place(frame.f_code, frame.f_lineno))
        coroutine = coroutine.cr_await
    return places[: -DEPTH - 1 : -1]


def _place(code: CodeType, line: int) -> str:
    return f"{'/'.join(code.co_filename.split('/')[-2:])}:{line} {code.co_name}"


def _told(places: list[str]) -> str:
    return " < ".join(places)
