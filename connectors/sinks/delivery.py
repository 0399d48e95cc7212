"""What a sink promises: a routed lead goes in, and what became of it comes out as a value."""

from enum import StrEnum
from typing import NamedTuple, Protocol

from schemas.person import Fields
from schemas.records import RoutedLead

__all__ = ["Delivered", "Delivery", "Refusal", "Refused", "Retry", "Sink"]


class Refusal(StrEnum):
    """Why a destination will never take a lead."""

    REJECTED = "rejected"  # it looked at this lead and said no
    CRASHED = "crashed"  # our code failed on it
    DISABLED = "disabled"  # it wants no more leads at all, until somebody starts the relay anew


class Delivered(NamedTuple):
    """The destination has it."""


class Retry(NamedTuple):
    """Not now: the world's fault. `after_s` is what the destination asked for in seconds, None when it did not say."""

    after_s: float | None
    why: str


class Refused(NamedTuple):
    """Never: `detail` says what was answered, without a word of the lead."""

    reason: Refusal
    detail: str


Delivery = Delivered | Retry | Refused


class Sink(Protocol):
    """A destination. Delivering the same decision twice must leave one lead there."""

    async def deliver(self, routed: RoutedLead, person: Fields) -> Delivery:
        """Hand over one decision, with the personal fields in the clear. Raises nothing: it returns what came of it."""

    async def close(self) -> None:
        """Let go of connections."""
