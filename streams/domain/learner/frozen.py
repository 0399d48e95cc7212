"""A classifier to score with that never changes: any thread may use it, and what it says of a lead adds up."""

from array import array
from collections.abc import Iterable, Mapping
from math import log2
from typing import Any, NamedTuple

from streams.domain.learner.fields import Fields
from streams.domain.learner.kernel import KERNEL


class Explained(NamedTuple):
    """Log-odds, and each feature's share of them: with `bias`, `points` sum to `logit`."""

    logit: float
    bias: float
    points: dict[str, float]


class Frozen:
    """`names` in the order of their slots, `stats` three numbers of each, one weight for each cell of the table."""

    def __init__(self, names: Iterable[str], stats: "array[float]", weights: "array[float]", bias: float) -> None:
        self.bias, self.weights, self.stats, self.names = bias, weights, stats, tuple(names)
        self._fields = Fields(self.names, stats)
        self._bits = int(log2(len(weights)))

    def explain(self, x: Mapping[str, Any]) -> Explained:
        """Return the score of a lead's features, and where it comes from."""
        seen = self._fields.encode(x, self._bits)
        names = seen.plan.names
        points = array("d", bytes(8 * len(names)))
        total = KERNEL.explain(seen.indices, seen.factors, len(names), self.weights, points)
        return Explained(self.bias + total, self.bias, dict(zip(names, points, strict=True)))
