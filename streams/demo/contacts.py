"""UCI "Bank Marketing": one phone contact a row, who was called, in which economy, and whether they took the deposit.

A row becomes an identify with its traits and a contact, later the outcome. `duration` is known only after the call, and
`y` is the outcome: neither is ever sent as a trait.
"""

from collections.abc import Mapping

from streams.demo import payloads
from streams.demo.people import customer
from streams.demo.rows import Column, boolean, number
from streams.demo.sends import Event

COLUMNS = ("age", "job", "marital", "education", "campaign", "pdays", "previous", "y")  # the least there must be
TRAITS: dict[str, Column] = {
    "age": number,
    "job": str,
    "marital": str,
    "education": str,
    "default": str,
    "housing": str,
    "loan": str,
    "contact": str,
    "poutcome": str,
    "campaign": number,
    "pdays": number,
    "previous": number,
    "emp.var.rate": number,
    "cons.price.idx": number,
    "cons.conf.idx": number,
    "euribor3m": number,
    "nr.employed": number,
}
PRIVATE = {"age", "marital"}  # nobody is to be scored on these
WON, LOST = "won", "lost"


def matches(cells: list[str]) -> bool:
    """Tell whether the first line of a file is this one's header."""
    return set(cells) >= set(COLUMNS)


def kept() -> list[str]:
    """Return the traits that a model may see."""
    return [_plain(column) for column in TRAITS if column not in PRIVATE]


def lived(row: Mapping[str, str], index: int, name: str, at: float, told_at: float) -> list[Event]:
    """Return the contact's events, the last of them the outcome, told at `told_at`. Raises `Unreadable`."""
    who = customer(index, name)
    known = {_plain(column): read(row[column]) for column, read in TRAITS.items() if column in row}
    traits = {"title": row["job"]} | known
    kind = WON if boolean(row["y"]) else LOST
    return [
        payloads.identify(who, at, f"{who.visitor}-0", traits),
        payloads.track(who, at + 0.001, f"{who.visitor}-1", "Contacted"),
        payloads.outcome(who.email, told_at, f"{who.visitor}-2", kind),
    ]


def _plain(column: str) -> str:
    """Return a column's name as a trait's.

    >>> _plain("emp.var.rate")
    'emp_var_rate'
    """
    return column.replace(".", "_")
