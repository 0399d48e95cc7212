"""Cells of a file, read: what a replayed data set's columns hold."""

from collections.abc import Callable
from math import isfinite

Column = Callable[[str], object]
YES, NO = {"true", "yes", "1"}, {"false", "no", "0"}


class Unreadable(ValueError):
    """A file cannot be replayed; the text says what was expected and where it was missing."""


def number(cell: str) -> float:
    """Return a finite number. Raises `Unreadable`."""
    try:
        value = float(cell)
    except ValueError:
        raise Unreadable(f"{cell!r} is not a number") from None
    if not isfinite(value):
        raise Unreadable(f"{cell!r} is not a finite number")
    return value


def boolean(cell: str) -> bool:
    """Return a truth value, however it is spelt. Raises `Unreadable`.

    >>> boolean("TRUE"), boolean("no")
    (True, False)
    """
    if cell.lower() not in YES | NO:
        raise Unreadable(f"{cell!r} is neither true nor false")
    return cell.lower() in YES
