"""Which fields a model knows, and how a lead's features are laid out for the kernel.

A field is a feature's name. Those a model has learned have a slot each, in the order in which they turned up; any other
is known by its name's hash alone. What a lead has is always read in the order of slots, then of names.
"""

from array import array
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

from streams.domain.learner.kernel import KERNEL
from streams.domain.learner.plain import STATS, count, text_hash

FIELDS = 256  # that are looked at; more would cost time and room without end
NOWHERE = 0xFFFFFFFF  # the slot of a field without one
PLANS = 64  # layouts kept: one for each set of names that leads come with


class Plan(NamedTuple):
    """How leads with one set of names are read. `indices`, `factors` and `blank` (points) are empty, to be copied."""

    names: tuple[str, ...]
    seeds: "array[int]"
    slots: "array[int]"
    indices: "array[int]"
    factors: "array[float]"
    blank: "array[float]"
    read: Callable[[Mapping[str, Any]], tuple[Any, ...]]


class Coordinates(NamedTuple):
    """A lead, as the kernel takes it: see `streams.domain.learner.plain`."""

    indices: "array[int]"
    factors: "array[float]"
    features: int
    values: tuple[Any, ...]
    plan: Plan


class Fields:
    """The fields in the order of their slots, with the count, mean and sum of squares of each one's numbers."""

    def __init__(self, names: Iterable[str] = (), stats: "array[float] | None" = None) -> None:
        self.slots = {name: slot for slot, name in enumerate(names)}
        self.stats = array("d", bytes(8 * STATS * len(self.slots))) if stats is None else stats
        self._plans: dict[tuple[str, ...], Plan] = {}

    def encode(self, x: Mapping[str, Any], bits: int) -> Coordinates:
        """Return the coordinates of a lead's features in a table of 2**`bits` cells."""
        plan = self.plan(x)
        values = plan.read(x)
        indices, factors = plan.indices[:], plan.factors[:]
        KERNEL.encode(values, plan.seeds, plan.slots, self.stats, bits, indices, factors)
        return Coordinates(indices, factors, len(values), values, plan)

    def plan(self, x: Mapping[str, Any]) -> Plan:
        """Return how a lead with these names is read."""
        return self._plans.get(tuple(x)) or self._planned(tuple(x))

    def add(self, x: Mapping[str, Any]) -> None:
        """Give the new names in `x` their slots, in the order of the names, as long as there are any."""
        if tuple(x) in self._plans and NOWHERE not in self._plans[tuple(x)].slots:
            return
        for name in sorted(str(name) for name in x if name not in self.slots):
            if len(self.slots) < FIELDS:
                self.slots[name] = len(self.slots)
                self.stats.extend((0.0,) * STATS)
                self._plans.clear()

    def observe(self, seen: Coordinates) -> None:
        """Take a lead's numbers into the means and spreads."""
        KERNEL.observe(seen.values, seen.plan.slots, self.stats)

    def _planned(self, keys: tuple[str, ...]) -> Plan:
        slots = self.slots
        names = tuple(sorted(keys, key=lambda name: (slots.get(name, NOWHERE), name)))[:FIELDS]
        room = count(len(names))
        plan = Plan(
            names,
            array("Q", (text_hash(name) for name in names)),
            array("I", (slots.get(name, NOWHERE) for name in names)),
            array("I", bytes(4 * room)),
            array("d", bytes(8 * room)),
            array("d", bytes(8 * len(names))),
            itemgetter(*names) if len(names) > 1 else partial(_read, names),
        )
        if len(self._plans) >= PLANS:
            self._plans.clear()
        self._plans[keys] = plan
        return plan


def _read(names: tuple[str, ...], x: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(x[name] for name in names)
