"""UCI "Online Shoppers Purchasing Intention": one session a row, its pages, its circumstances, and whether it sold.

A session becomes its page views, then an identify with its circumstances, later the outcome. `PageValues` is computed
from purchases and `Revenue` is the purchase itself: neither is ever sent as a trait.
"""

from collections.abc import Mapping
from math import ceil, log2

from streams.demo import payloads
from streams.demo.people import customer
from streams.demo.rows import Column, Unreadable, boolean, number
from streams.demo.sends import Event

COLUMNS = (
    "Administrative",
    "Administrative_Duration",
    "Informational",
    "Informational_Duration",
    "ProductRelated",
    "ProductRelated_Duration",
    "BounceRates",
    "ExitRates",
    "PageValues",
    "SpecialDay",
    "Month",
    "OperatingSystems",
    "Browser",
    "Region",
    "TrafficType",
    "VisitorType",
    "Weekend",
    "Revenue",
)
PAGES = {"Administrative": "/account", "Informational": "/about", "ProductRelated": "/product"}
TRAITS: dict[str, Column] = {
    "Administrative_Duration": number,
    "Informational_Duration": number,
    "ProductRelated_Duration": number,
    "BounceRates": number,
    "ExitRates": number,
    "SpecialDay": number,
    "Month": str,
    "OperatingSystems": str,
    "Browser": str,
    "Region": str,
    "TrafficType": str,
    "VisitorType": str,
    "Weekend": boolean,
}
WON, LOST = "won", "lost"


def kept() -> list[str]:
    """Return the traits that a model may see: all that are sent."""
    return [_snake(column) for column in TRAITS] + [_counted(column) for column in PAGES]


def matches(cells: list[str]) -> bool:
    """Tell whether the first line of a file is this one's: the header, or 18 cells that end in two booleans."""
    booleans = {cell.upper() for cell in cells[-2:]} <= {"TRUE", "FALSE"}
    return tuple(cells) == COLUMNS or (len(cells) == len(COLUMNS) and booleans)


def lived(row: Mapping[str, str], index: int, name: str, at: float, told_at: float) -> list[Event]:
    """Return the session's events, the last of them the outcome, told at `told_at`. Raises `Unreadable`."""
    who = customer(index, name)
    events: list[Event] = []
    for column, path in PAGES.items():
        for _ in range(_views(number(row[column]))):
            when = at + 0.001 * len(events)
            events.append(payloads.page(who, when, f"{who.visitor}-{len(events)}", path))
    traits: dict[str, object] = {_snake(column): read(row[column]) for column, read in TRAITS.items()}
    traits |= {_counted(column): number(row[column]) for column in PAGES}
    when = at + 0.001 * len(events)
    events.append(payloads.identify(who, when, f"{who.visitor}-{len(events)}", traits))
    kind = WON if boolean(row["Revenue"]) else LOST
    events.append(payloads.outcome(who.email, told_at, f"{who.visitor}-{len(events)}", kind))
    return events


def _views(pages: float) -> int:
    """Return how many views stand for so many pages: logarithmic, for some sessions have seven hundred.

    >>> [_views(pages) for pages in (0, 1, 2, 3, 10, 700)]
    [0, 1, 2, 2, 4, 10]
    """
    if pages < 0:
        raise Unreadable("a page count is negative")
    return ceil(log2(1 + pages))


def _counted(column: str) -> str:
    return f"{_snake(column)}_pages"


def _snake(column: str) -> str:
    """Return a column's name as a trait's.

    >>> _snake("ProductRelated_Duration")
    'product_related_duration'
    """
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in column).replace("__", "_").strip("_")
