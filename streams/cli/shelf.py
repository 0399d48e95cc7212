"""Records that wait for people: the latest of them and how many there are, one of them, and what became of the rest."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from heapq import nlargest
from typing import TYPE_CHECKING, Annotated, Generic, NamedTuple, TypeVar

import typer
from rich.table import Table

from streams.cli.output import console, show_json

if TYPE_CHECKING:
    from connectors.settings import Connection

__all__ = ["DryRun", "Id", "Limit", "Shelf", "connection", "show_moved"]

T = TypeVar("T")
Id = Annotated[str, typer.Option("--id", help="Only the one with this id (its first characters do).")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="The latest so many.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count.")]


class Shelf(NamedTuple, Generic[T]):
    """A kind of record. `what` names several of them, `items` does so in JSON; they are counted `by` their `labels`.

    `at` = when it came (seconds since the epoch); `shown` = what anyone may see; `row` = the same as a line of a table.
    """

    what: str
    items: str
    by: str
    labels: Callable[[T], Iterable[str]]
    at: Callable[[T], float]
    shown: Callable[[T], dict[str, object]]
    row: Callable[[T], Mapping[str, str]]

    def show_latest(self, found: Iterable[T], limit: int, *, as_json: bool) -> None:
        """Print the latest, the last one at the end, and the counts of all."""
        count, labels = 0, Counter[str]()

        def counted() -> Iterable[tuple[float, int, T]]:
            nonlocal count
            for count, one in enumerate(found, 1):
                labels.update(self.labels(one))
                yield self.at(one), count, one

        latest = [one for *_, one in reversed(nlargest(limit, counted()))]
        if as_json:
            told = [self.shown(one) for one in latest]
            show_json({"count": count, f"by_{self.by}": labels, self.items: told})
            return
        if latest:
            table = Table(box=None, header_style="bold")
            for number, column in enumerate(self.row(latest[0])):
                table.add_column(column, no_wrap=number < 2)  # its id and its time
            for one in latest:
                table.add_row(*self.row(one).values())
            console.print(table)
        told_of = ", ".join(f"{name}: {number}" for name, number in labels.most_common())
        console.print(f"{count} {self.what}" + (f" ({told_of})" if told_of else ""), markup=False)


def show_moved(said: str, moved: Mapping[str, int], left: Mapping[str, int], why: Mapping[str, str]) -> None:
    """Print how many went on, by where to or where from, and how many were left out, with `why` in words."""
    console.print(f"{sum(moved.values())} {said}", markup=False)
    for name, count in sorted(moved.items()):
        console.print(f"  {name}: {count}", markup=False)
    for name, count in sorted(left.items()):
        console.print(f"  left out, {why.get(name, name.replace('_', ' '))}: {count}", markup=False)


def connection() -> "Connection":
    """Return how to reach the broker, by the environment. Raises `SettingsError`."""
    from connectors.settings import Connection

    return Connection.read(os.environ)
