"""What Meta's Graph API means by its errors: whether the request was wrong, or our token, our limits, Meta itself.

It says most of them with status 400. https://developers.facebook.com/docs/graph-api/guides/error-handling
"""

from msgspec import DecodeError, Struct
from msgspec.json import Decoder

__all__ = ["LIMITED", "RIGHTS", "TOKEN", "TROUBLE", "ours"]

TROUBLE = (1, 2)  # Meta's own
LIMITED = (4, 17, 32, 341, 368, 613, *range(80_000, 80_015))  # 80005: of leads, 4,800 a day for each that is generated
TOKEN = (102, 190)
RIGHTS = (3, 10, *range(200, 300))
PARAMETER, NOT_THERE = 100, 33  # the second says of the first that the object in the path is not there for us


class Error(Struct):
    """What is wrong."""

    code: int = 0
    error_subcode: int | None = None


class Failed(Struct):
    """An answer that is an error."""

    error: Error


_failed = Decoder(Failed)


def ours(body: bytes) -> int | None:
    """Return an error's code when it says nothing of what was sent; None of what it does, and of no error at all.

    >>> ours(b'{"error":{"code":190}}'), ours(b'{"error":{"code":100}}'), ours(b"<html>")
    (190, None, None)
    """
    try:
        error = _failed.decode(body).error
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return None
    missing = error.code == PARAMETER and error.error_subcode == NOT_THERE
    return error.code if missing or error.code in (*TROUBLE, *LIMITED, *TOKEN, *RIGHTS) else None
