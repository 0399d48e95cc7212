"""A classifier to score with that never changes: any thread may use it, and what it says of a lead adds up."""

from array import array
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from streams.domain.learner.fields import Fields
from streams.domain.learner.kernel import KERNEL
from streams.domain.learner.state import State


class Explained(NamedTuple):
    """Log-odds, and each feature's share of them: with `bias`, `points` sum to `logit`."""

    logit: float
    bias: float
    points: dict[str, float]


class Frozen:
    """`names` in the order of their slots, `stats` three numbers of each, one weight for each cell of the table."""

    def __init__(self, names: Iterable[str], stats: "array[float]", weights: "array[float]", bias: float) -> None:
        self.bias, self.weights = bias, weights
        self._fields = Fields(names, stats)
        self._bits = len(weights).bit_length() - 1

    def points(self, x: Mapping[str, Any]) -> tuple[tuple[str, ...], "array[float]"]:
        """Return the names of the features in `x`, and each one's share of the log-odds."""
        seen = self._fields.encode(x, self._bits)
        names = seen.plan.names
        points = array("d", bytes(8 * len(names)))
        KERNEL.explain(seen.indices, seen.factors, seen.features, self.weights, points)
        return names, points

    def explain(self, x: Mapping[str, Any]) -> Explained:
        """Return the score of a lead's features, and where it comes from."""
        names, points = self.points(x)
        return Explained(self.bias + sum(points), self.bias, dict(zip(names, points, strict=True)))


def frozen(state: State) -> Frozen:
    """Return what a learner of this state says, its experts folded into one table."""
    experts = len(state.rates)
    weights = array("f", bytes(4 << state.bits))
    KERNEL.fold(state.table, state.head, weights)
    bias = 0.0
    for expert in range(experts):
        bias += state.head[2 * experts + expert] * state.head[expert]
    return Frozen(state.names, state.stats[:], weights, bias)
