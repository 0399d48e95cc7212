"""The trees beside the pool of experts: what was learned last, the trees grown from it, and how far either is trusted.

The pool learns label by label, but in lines, bins and pairs; trees tell what numbers mean only together and in curves,
but are as old as their last growing. So trees are grown anew whenever a quarter more labels have been learned, and
the two are joined:  b + u (pool - b) + v trees.  b is the log-odds of the latest labels, so a base rate that moves is
followed whoever is trusted; u and v are learned label by label by Newton's method, over about the latest thousand.
"""

from array import array
from collections import deque
from collections.abc import Iterable
from math import exp, log
from typing import Any, NamedTuple

from streams.domain.learner.fields import Coordinates, Plan
from streams.domain.learner.forest import Forest, nothing
from streams.domain.learner.kernel import KERNEL
from streams.domain.learner.plain import KEPT, MISSING, WIDEST

FIRST = OFTEN = 100  # labels before the first trees, and between any two growings at least
GROWTH = 1.25  # how many times the labels at one growing there are at the next
ALONE, JOINED = 1.0, (0.8, 0.2)  # trust in the pool without trees; in pool and trees to begin with
HELD = 20.0  # how firmly trust is held where it began, as if by so much curvature
LATEST = 0.005  # of the base rate that each label renews
BOUND = 1e-3  # the least chance that a base rate is held to be, and the least curvature of a label
_BLANK = array("f", (MISSING,)) * WIDEST


class Kept(NamedTuple):
    """Everything a grove is. `room` = cells of rows that are kept at most; `due` = learned labels at which it grows.

    `trust` = u, v; the discounted sums of the squares of the pool's log-odds, of its product with the trees', of their
    squares; the base rate. `cells` = the rows, each `width` long; `told` = each one's chance and weight.
    """

    room: int
    learned: int
    due: int
    width: int
    trust: "array[float]"
    forest: Forest
    cells: "array[float]"
    told: "array[float]"


class Grove:
    """Grows trees from the latest rows, as many as `room` cells hold: none with no room."""

    def __init__(self, room: int, prior: float) -> None:
        self._room, self._learned, self._due = room, 0, FIRST
        self._rows: deque[tuple[array[float], float, float]] = deque()
        self.forest, self._trust = nothing(), _trust(prior)

    def joined(self, pool: float, seen: Coordinates) -> float:
        """Return the log-odds of a lead to which the pool gives `pool`."""
        if not self.forest.roots:
            return pool
        (u, v), b = self._trust[:2], _base(self._trust)
        trees: float = KERNEL.climb(as_row(seen.values, seen.plan), *self.forest)
        return b + u * (pool - b) + v * trees

    def learn(self, seen: Coordinates, fields: int, pool: float, chance: float, weight: float) -> None:
        """Learn of a lead to which the pool gives `pool`, by chance 0 to 1: whom to trust; then from it, if it is time.

        So many `fields` are known by now.
        """
        row, told = as_row(seen.values, seen.plan), weight * weight * weight * weight if weight < 1.0 else weight
        if self.forest.roots:
            self._judge(pool - _base(self._trust), KERNEL.climb(row, *self.forest), chance, told)
        self._trust[5] += min(LATEST * told, 1.0) * (chance - self._trust[5])
        width = min(fields, WIDEST)
        self._rows.append((row[:width], chance, weight))
        while len(self._rows) * max(width, 1) > self._room:
            self._rows.popleft()
        self._learned += 1
        if self._learned >= self._due and width:
            self._due = max(self._learned + OFTEN, int(self._learned * GROWTH))
            from streams.domain.learner.trees import grow  # numpy, which nobody needs who only scores

            rows, chances, weights = zip(*self._rows, strict=True)
            self.forest = grow(_even(rows, width), chances, weights)

    def forget(self) -> None:
        """After a drift: nothing that was learned holds any more. It begins anew, with the labels that come."""
        self._rows.clear()
        self.forest, self._trust = nothing(), _trust(self._trust[5])
        self._due, self._learned = FIRST, 0

    def _judge(self, pool: float, trees: float, chance: float, weight: float) -> None:
        """Take a Newton step of the log-loss: squares are discounted, and so is what holds the trust where it began."""
        u, v, pools, both, grown, _ = self._trust
        p = 1.0 / (1.0 + exp(-min(max(_base(self._trust) + u * pool + v * trees, -30.0), 30.0)))
        kept = KEPT**weight
        curve = weight * max(p * (1.0 - p), BOUND)
        pools = kept * pools + (1.0 - kept) * HELD + curve * pool * pool
        grown = kept * grown + (1.0 - kept) * HELD + curve * trees * trees
        both = kept * both + curve * pool * trees
        wrong, area = weight * (chance - p), pools * grown - both * both
        u += wrong * (grown * pool - both * trees) / area
        v += wrong * (pools * trees - both * pool) / area
        self._trust[:5] = array("d", (u, v, pools, both, grown))

    def kept(self) -> Kept:
        """Return everything it is, to go on from bit for bit."""
        width = max((len(row) for row, _, _ in self._rows), default=0)
        cells = array("f", b"".join(_even([row for row, _, _ in self._rows], width)))
        told = array("d", [number for _, chance, weight in self._rows for number in (chance, weight)])
        return Kept(self._room, self._learned, self._due, width, self._trust[:], self.forest, cells, told)

    @classmethod
    def restored(cls, kept: Kept) -> "Grove":
        """Return it as it was."""
        grove, width, told = cls(kept.room, BOUND), kept.width, iter(kept.told)
        grove._learned, grove._due, grove._trust, grove.forest = kept.learned, kept.due, kept.trust[:], kept.forest
        starts = range(0, len(kept.cells), width or 1)
        grove._rows.extend((kept.cells[at : at + width], next(told), next(told)) for at in starts)
        return grove


def parts(forest: Forest, trust: "array[float]") -> tuple[float, float, float]:
    """Return the trust in the pool and in the trees' splits, and what there is without either, in log-odds."""
    if not forest.roots:
        return ALONE, 0.0, 0.0
    (u, v), roots = trust[:2], sum(forest.values[root] for root in forest.roots)
    return u, v, (1.0 - u) * _base(trust) + v * roots


def as_row(values: tuple[Any, ...], plan: Plan) -> "array[float]":
    """Return a lead's values by the slots of their fields, as trees read them."""
    row = _BLANK[:]
    KERNEL.row(values, plan.slots, row)
    return row


def _even(rows: Iterable["array[float]"], width: int) -> "list[array[float]]":
    """Return the rows in one width: of a field that was not known yet, they have nothing."""
    return [row if len(row) == width else row + _BLANK[: width - len(row)] for row in rows]


def _base(trust: "array[float]") -> float:
    rate = min(max(trust[5], BOUND), 1.0 - BOUND)
    return log(rate / (1.0 - rate))


def _trust(rate: float) -> "array[float]":
    return array("d", (*JOINED, HELD, 0.0, HELD, rate))
