"""One thing that was looked at."""

from typing import NamedTuple

__all__ = ["Finding"]


class Finding(NamedTuple):
    """`wrong` is empty when it is well, else it says what is wrong and what to do."""

    subject: str
    told: str
    wrong: str = ""
