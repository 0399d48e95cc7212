"""What the ad platforms' sinks share: conversions are made of stages, sent in a batch, halved when it is refused."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from connectors.egress.guard import Guard
from connectors.egress.http import Answer, Http
from connectors.sinks.batches import halving, some
from connectors.sinks.conversion import Conversion, conversion
from connectors.sinks.delivery import Delivery, Parcel, Retry, Skipped
from connectors.sinks.verdict import api_verdict
from schemas.records import Stage

__all__ = ["Numbered", "Platform", "PlatformOptions"]


def _stages(events: dict[str, str]) -> dict[str, str]:
    """Return what maps stages; a pydantic validator. Raises `ValueError` for what no lead is ever at."""
    if odd := sorted(events.keys() - set(Stage)):
        raise ValueError(f"{', '.join(odd)} is no stage: {', '.join(Stage)}")
    return events


Named = Annotated[dict[str, str], Field(min_length=1), AfterValidator(_stages)]
Numbered = Annotated[dict[str, Annotated[str, Field(pattern=r"^\d+$")]], Field(min_length=1), AfterValidator(_stages)]


class PlatformOptions(BaseModel):
    """What every ad platform is told."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)  # YAML takes an id for a number

    events: Named = Field(
        {"mql": "qualified_lead", "sql": "sales_qualified_lead", "customer": "purchase"},
        description="our stage: what it is called there; other stages are not told",
    )
    currency: str = Field(
        "", pattern=r"^([A-Z]{3})?$", description="currency of the CRM's deals (EUR); none = their values are not told"
    )
    timeout_s: float = Field(20.0, gt=0, description="how long the platform may take to answer, seconds")


class Platform(ABC):
    """An ad platform. The conversion's id is the event's, so a repeat counts once there.

    `knows` = what it knows people by; of whom there is nothing of the kind it is told nothing, and nothing is owed.
    """

    newest = False
    largest = 100
    knows: ClassVar[tuple[str, ...]]

    def __init__(self, options: PlatformOptions, guard: Guard) -> None:
        self._events, self._currency, self._http = options.events, options.currency, Http(guard, options.timeout_s)

    async def deliver(self, parcels: Sequence[Parcel]) -> list[Delivery]:
        """Tell of those that may be told of."""
        return await some(parcels, lambda parcel: conversion(parcel, self._events, self.knows), self._send)

    async def erase(self, parcels: Sequence[Parcel]) -> list[Delivery]:
        """Say nothing: what a platform was told is hashed, and it is told of conversions alone."""
        return [Skipped("an erasure is no conversion")] * len(parcels)

    def worth(self, told: Conversion, value: str, currency: str) -> dict[str, Any]:
        """Return what a deal is worth, under the platform's names; nothing when there is nothing to tell."""
        return {value: told.value, currency: self._currency} if told.value > 0 and self._currency else {}

    async def close(self) -> None:
        """Close the connections that were kept."""
        await self._http.close()

    async def _send(self, told: Sequence[Conversion]) -> list[Delivery]:
        return await halving(told, self._post)

    async def _post(self, told: Sequence[Conversion]) -> Sequence[Delivery] | Delivery:
        answer = await self.post([self.row(one) for one in told])
        if isinstance(answer, Retry):
            return answer
        verdict = self.verdict(answer)
        return self.outcomes(answer, len(told)) if verdict is None else verdict

    def verdict(self, answer: Answer) -> Delivery | None:
        """Return what an answer means for all rows; None of one that says more inside."""
        return api_verdict(answer)

    @abstractmethod
    def row(self, told: Conversion) -> dict[str, Any]:
        """Return a conversion in the platform's words."""

    @abstractmethod
    async def post(self, rows: list[dict[str, Any]]) -> Answer | Retry:
        """Send rows."""

    @abstractmethod
    def outcomes(self, answer: Answer, count: int) -> Sequence[Delivery] | Delivery:
        """Return what a 2xx says of each of so many rows, or of all of them; it may say anything but what we expect."""
