"""A closed set of texts: an enum whose members are strings."""

from enum import StrEnum


class Choice(StrEnum):
    """Base of our enums. `str(member)` is its plain text, for less than `member.value` costs."""

    def __init_subclass__(cls) -> None:
        """Make members plain attributes, as Python 3.12 does: 3.11 runs a Python function whenever one is named."""
        super().__init_subclass__()
        for member in cls:
            type.__setattr__(cls, member.name, member)
