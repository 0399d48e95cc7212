"""Boosted trees over what was learned last: what numbers tell only together, and in curves.

Each tree is grown leaf by leaf, where the log-loss falls most, from the gradients that the trees before it have left
(Friedman 2001; the gain, with `RIDGE`, as Chen & Guestrin 2016 have it). A row is float32 numbers by field: a number as
it is, `MISSING`, or a text as a number of its own, `TEXT` or more. So one test does for all: x ≤ threshold goes left,
what is missing with it; where the threshold is a text, x = threshold does.

Sums run in the order of the rows and exponentials are Python's: the same rows make the same trees everywhere.
"""

from array import array
from collections.abc import Sequence
from heapq import heappop, heappush
from math import exp, log
from types import ModuleType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.domain.learner import sums
from streams.domain.learner.forest import LEAVES, TREES, Forest, nothing
from streams.domain.learner.kernel import COMPILED, KERNEL
from streams.domain.learner.plain import MISSING, TEXT
from streams.domain.learner.sums import BINS, NUMBERS, RIDGE, Codes, Floats, Rows

RATE = 0.1
COMMON = 10  # rows that a text must be in to have a bin of its own
RAREST = 1e-3
SUMS: ModuleType = KERNEL if COMPILED else sums


def grow(rows: Sequence["array[float]"], chances: Sequence[float], weights: Sequence[float]) -> Forest:
    """Return trees that tell `chances` (0 to 1) from rows of equal length; none where there is nothing to tell."""
    data = np.array(rows, dtype=np.float32)
    thresholds, codes = _binned(data)
    of, weight = np.array(chances), np.array(weights)
    rate = float(np.cumsum(weight * of)[-1] / np.cumsum(weight)[-1])
    rate = min(max(rate, RAREST), 1.0 - RAREST)
    odds = np.full(len(of), exp(log(rate / (1.0 - rate))))
    forest = nothing()
    for _ in range(TREES):
        chance = odds / (1.0 + odds)
        tree = _Tree(thresholds, codes, weight * (of - chance), weight * chance * (1.0 - chance))
        if not tree.grown(forest, odds):
            break
    return forest


class _Leaf(NamedTuple):
    """A node that may be split at its best: its rows, their slopes and curves by field and bin, its children's worth.

    They sort by how much a split gains, most first.
    """

    loss: float
    node: int
    field: int
    bin: int
    worth: tuple[float, float]
    rows: Rows
    slopes: Floats
    curves: Floats


class _Tree:
    """One tree while it grows. `slopes` and `curves` are the rows' first and second derivatives of the log-loss."""

    def __init__(self, thresholds: Floats, codes: Codes, slopes: Floats, curves: Floats) -> None:
        self._thresholds, self._codes, self._slopes, self._curves = thresholds, codes, slopes, curves
        self._usable = np.isfinite(thresholds)

    def grown(self, forest: Forest, odds: Floats) -> bool:
        """Add it to `forest`, and what its leaves say to the rows' odds. False when no split is worth it."""
        rows = np.arange(len(odds))
        slopes, curves = self._sums(rows)
        first = self._leaf(len(forest.splits), rows, slopes, curves)
        if first.loss >= 0.0:
            return False
        forest.roots.append(first.node)
        _add(forest, _worth(_total(slopes), _total(curves)))
        leaves = [first]
        while len(leaves) < LEAVES and leaves[0].loss < 0.0:
            for leaf in self._split(heappop(leaves), forest):
                heappush(leaves, leaf)
        for leaf in leaves:
            odds[leaf.rows] *= exp(forest.values[leaf.node])
        return True

    def _split(self, leaf: _Leaf, forest: Forest) -> tuple[_Leaf, _Leaf]:
        """Split a leaf at its best; of its children's sums only those of the one with fewer rows are added up."""
        node = len(forest.splits)
        forest.splits[leaf.node], forest.children[leaf.node] = leaf.field, node
        forest.thresholds[leaf.node] = self._thresholds[leaf.field, leaf.bin]
        for worth in leaf.worth:
            _add(forest, worth)
        codes = self._codes[leaf.rows, leaf.field]
        left = codes == leaf.bin if leaf.bin >= NUMBERS else codes <= leaf.bin
        sides = leaf.rows[left], leaf.rows[~left]
        fewer = len(sides[1]) < len(sides[0])
        slopes, curves = self._sums(sides[fewer])
        sums = [(slopes, curves), (leaf.slopes - slopes, leaf.curves - curves)]
        mine, other = sums[fewer], sums[1 - fewer]
        return self._leaf(node, sides[0], *mine), self._leaf(node + 1, sides[1], *other)

    def _leaf(self, node: int, rows: Rows, slopes: Floats, curves: Floats) -> _Leaf:
        gain, cell, *worth = SUMS.split(slopes, curves, self._usable)
        left, right = _worth(*worth[:2]), _worth(*worth[2:])
        field, bin_ = divmod(cell, BINS)
        return _Leaf(-gain, node, field, bin_, (left, right), rows, slopes, curves)

    def _sums(self, rows: Rows) -> tuple[Floats, Floats]:
        slopes, curves = np.zeros(self._usable.shape), np.zeros(self._usable.shape)
        SUMS.tally(self._codes, rows, self._slopes, self._curves, slopes, curves)
        return slopes, curves


def _add(forest: Forest, worth: float) -> None:
    forest.splits.append(-1)
    forest.thresholds.append(0.0)
    forest.children.append(0)
    forest.values.append(worth)


def _total(sums: Floats) -> float:
    return float(np.cumsum(sums[0])[-1])


def _worth(slope: float, curve: float) -> float:
    """Return the step for rows of such slopes and curves, made short."""
    return RATE * slope / (curve + RIDGE)


def _binned(data: NDArray[np.float32]) -> tuple[Floats, Codes]:
    """Return each field's thresholds by bin (infinite = none), and the bin of every number and text."""
    thresholds = np.full((data.shape[1], BINS), np.inf)
    codes = np.zeros(data.shape, dtype=np.uint8)
    for field, column in enumerate(data.T):
        told, text = column > MISSING, column >= TEXT
        numbers = np.sort(column[told & ~text])
        if not told.all():
            thresholds[field, 0] = MISSING
        if len(numbers):
            edges = _edges(numbers)
            thresholds[field, 1 : 1 + len(edges)] = edges
            codes[:, field] = np.where(told, np.searchsorted(edges, column) + 1, 0)
        if text.any():
            common, many = np.unique(column[text], return_counts=True)
            common = common[np.argsort(-many, kind="stable")][: BINS - NUMBERS - 1][: int((many >= COMMON).sum())]
            codes[text, field] = BINS - 1
            for bin_, word in enumerate(common, NUMBERS):
                codes[column == word, field] = bin_
                thresholds[field, bin_] = word
    return thresholds, codes


def _edges(numbers: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return after which numbers, given in order, a bin ends: after each of few, of many after equal parts."""
    each = np.unique(numbers)
    if len(each) >= NUMBERS:
        each = np.unique(numbers[np.arange(1, NUMBERS - 1) * len(numbers) // (NUMBERS - 1)])
    below: NDArray[np.float32] = each[each < numbers[-1]]
    return below
