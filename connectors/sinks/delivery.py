"""What a sink promises: routed leads go in, and what became of each comes out as a value."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from connectors.egress.http import Retry
from schemas.person import Fields
from schemas.records import RoutedLead

__all__ = ["Delivered", "Delivery", "Parcel", "Refusal", "Refused", "Retry", "Sink", "Skipped"]


class Refusal(StrEnum):
    """Why a destination will never take a lead."""

    REJECTED = "rejected"  # it looked at this lead and said no
    CRASHED = "crashed"  # our code failed on it
    EXHAUSTED = "exhausted"  # it was tried for as long as the schedule goes
    DISABLED = "disabled"  # it wants no more leads at all, until somebody resumes it


class Delivered(NamedTuple):
    """The destination has it; `told` is its answer in a few words, without a word of the lead."""

    told: str = ""


class Skipped(NamedTuple):
    """It is not for this destination, and `why`: nothing was sent, and nothing is owed."""

    why: str


class Refused(NamedTuple):
    """Never: `detail` says what was answered, without a word of the lead."""

    reason: Refusal
    detail: str


Delivery = Delivered | Skipped | Retry | Refused


class Parcel(NamedTuple):
    """One decision on its way, with the lead's personal fields in the clear."""

    routed: RoutedLead
    person: Fields


class Sink(Protocol):
    """A destination. Delivering the same decision twice must leave one effect there.

    `largest` is how many decisions one call takes, all of different leads. `newest`: the destination keeps one record
    for each lead, so of several decisions of a lead that wait only the newest needs to be delivered.
    """

    largest: int
    newest: bool

    async def deliver(self, parcels: Sequence[Parcel]) -> Sequence[Delivery]:
        """Hand over decisions; returns what came of each, in their order. Raises nothing."""

    async def erase(self, parcels: Sequence[Parcel]) -> Sequence[Delivery]:
        """Have leads forgotten, each as its decision says; returns what came of each, in their order. Raises nothing.

        Who is not known there any more is delivered: to erase twice must be one effect, too.
        """

    async def close(self) -> None:
        """Let go of connections."""
