"""A classifier to score with that never changes: any thread may use it, and what it says of a lead adds up."""

from array import array
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from streams.domain.learner.fields import Fields, Plan
from streams.domain.learner.grove import Kept, as_row, parts
from streams.domain.learner.kernel import KERNEL
from streams.domain.learner.plain import WIDEST
from streams.domain.learner.state import State

_NONE = bytes(8 * WIDEST)


class Explained(NamedTuple):
    """Log-odds, and each feature's share of them: with `bias`, `points` sum to `logit`."""

    logit: float
    bias: float
    points: dict[str, float]


class Frozen:
    """`names` in the order of their slots, `stats` three numbers of each, one weight for each cell of the table."""

    def __init__(
        self, names: Sequence[str], stats: "array[float]", weights: "array[float]", bias: float, grove: Kept
    ) -> None:
        self.weights, self._forest = weights, grove.forest
        self._of_pool, self._of_trees, rest = parts(grove.forest, grove.trust)
        self.bias = self._of_pool * bias + rest
        self._fields = Fields(names, stats)
        self._bits = len(weights).bit_length() - 1
        self._asked = {names[slot]: slot for slot in sorted(set(grove.forest.splits) - {-1})}
        self._absent: dict[tuple[str, ...], tuple[str, ...]] = {}  # of those, what leads with these names have not

    def points(self, x: Mapping[str, Any]) -> tuple[tuple[str, ...], Sequence[float]]:
        """Return names and their shares of the log-odds: the features in `x`, and others that trees have asked for."""
        plan = self._fields.plan(x)
        values, points = plan.read(x), plan.blank[:]
        KERNEL.points((values,), plan.seeds, plan.slots, self._fields.stats, self._bits, self.weights, points)
        return self._with_trees(plan, values, points) if self._asked else (plan.names, points)

    def _with_trees(
        self, plan: Plan, values: tuple[Any, ...], points: Sequence[float]
    ) -> tuple[tuple[str, ...], Sequence[float]]:
        """Return the points of the pool and of the trees, each by how far it is trusted."""
        shares = array("d", _NONE)
        KERNEL.climb(as_row(values, plan), *self._forest, shares)
        KERNEL.join(points, plan.slots, shares, self._of_pool, self._of_trees)
        if plan.names not in self._absent:
            self._absent[plan.names] = tuple(sorted(self._asked.keys() - plan.names))
        absent = self._absent[plan.names]
        if not absent:
            return plan.names, points
        return (*plan.names, *absent), [*points, *(self._of_trees * shares[self._asked[name]] for name in absent)]

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
    return Frozen(state.names, state.stats[:], weights, bias, state.grove)
