"""Batches that are refused as a whole: halved until the one lead that spoils them stands alone."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from connectors.sinks.delivery import Delivered, Delivery, Parcel, Refused, Retry, Sink, Skipped

__all__ = ["OUTCOMES", "halving", "handed_over", "some"]

OUTCOMES = (Delivered, Skipped, Retry, Refused)
Row = TypeVar("Row")
Attempt = Callable[[Sequence[Row]], Awaitable[Sequence[Delivery] | Delivery]]


async def halving(rows: Sequence[Row], attempt: Attempt[Row]) -> list[Delivery]:
    """Return what came of each row. `attempt` answers row by row, or for all: a refusal of several is looked into."""
    found = await attempt(rows)
    if not isinstance(found, OUTCOMES):
        return list(found)
    if not isinstance(found, Refused) or len(rows) == 1:
        return [found] * len(rows)
    middle = len(rows) // 2
    return [*await halving(rows[:middle], attempt), *await halving(rows[middle:], attempt)]


async def some(
    parcels: Sequence[Parcel],
    row: Callable[[Parcel], Row | Delivery],
    send: Callable[[Sequence[Row]], Awaitable[list[Delivery]]],
) -> list[Delivery]:
    """Make a row of each parcel and send those that make one; a parcel that makes none is answered with why."""
    made = [row(parcel) for parcel in parcels]
    rows = [one for one in made if not isinstance(one, OUTCOMES)]
    answers = iter(await send(rows) if rows else ())
    return [one if isinstance(one, OUTCOMES) else next(answers) for one in made]


async def handed_over(sink: Sink, parcels: Sequence[Parcel]) -> list[Delivery]:
    """Deliver what was decided and have erased who asked for it; return what came of each, in their order."""
    erased = [parcel for parcel in parcels if parcel.routed.erased_at]
    rest = [parcel for parcel in parcels if not parcel.routed.erased_at]
    forgotten = iter(await sink.erase(erased) if erased else ())
    delivered = iter(await sink.deliver(rest) if rest else ())
    return [next(forgotten if parcel.routed.erased_at else delivered) for parcel in parcels]
