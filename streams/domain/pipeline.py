"""The pipeline: River's logistic regression, readable, and what there is to fall back on.

Numbers become z-scores and bins, side by side; flags, which are 1 or absent, stay as they are: scaled by the examples
that have them, all of them would be 0. A free trait has flags of its own for where its number lies (`traits`).

River's model is not safe to read while it learns, so nobody scores with it: everyone scores with its terms.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, cast

from msgspec import Struct
from river.base import Transformer
from river.linear_model import LogisticRegression
from river.optim import AdaGrad
from river.preprocessing import StandardScaler
from river.utils import VectorDict

from schemas.learning import Term
from streams.domain.bins import MARK, bin_of
from streams.domain.traits import PREFIX, group

RATE, INTERCEPT_RATE = 0.1, 0.05
RARE = -2.2  # log-odds before any label: one lead in ten
NEW_GRADIENT = 4.0  # squared gradients spent in advance: the first example with a feature must not decide
VALUES = 50  # of one trait that get a weight


class LogBins(Transformer):
    """Puts a flag in the place of each number: the bin it lies in.

    Examples:
    --------
    >>> LogBins().transform_one({"pages_30d": 2.0, "visits_7d": 0.0})
    {'pages_30d#3': 1.0, 'visits_7d#0': 1.0}
    """

    def transform_one(self, x: Mapping[Any, Any]) -> dict[Any, Any]:
        """Return the bins of the numbers in `x`."""
        bins = (bin_of(name, number) for name, number in x.items())
        return {name: 1.0 for name in bins if name}


class Kept(Struct, frozen=True, kw_only=True):
    """What a pipeline knows, as JSON keeps it: the order of the mappings counts, for sums of floats depend on it."""

    counts: dict[str, int] = {}
    means: dict[str, float] = {}
    variances: dict[str, float] = {}
    weights: dict[str, float] = {}
    gradients: dict[str, float] = {}
    intercept: float = RARE
    steps: int = 0


class Pipeline:
    """One writer's model: `ready` an example, ask its `chance`, then `learn` it."""

    def __init__(self, kept: Kept | None = None) -> None:
        kept = kept or Kept()
        self._scaler = StandardScaler()
        self._scaler.counts.update(kept.counts)
        self._scaler.means.update(kept.means)
        self._scaler.vars.update(kept.variances)
        self._bins = LogBins()
        self._optimizer = AdaGrad(RATE)
        self._optimizer.g2.update(kept.gradients)
        self._optimizer.n_iterations = kept.steps
        self._model = LogisticRegression(self._optimizer, intercept_init=kept.intercept, intercept_lr=INTERCEPT_RATE)
        self._model._weights = VectorDict(dict(kept.weights))  # noqa: SLF001 (River has no other way in)
        self._values = Counter(group(name) for name in kept.gradients)

    def ready(self, features: Mapping[str, float]) -> dict[str, float]:
        """Return the features as the model takes them, having learned their means and spreads.

        Of one trait the first `VALUES` flags that turn up are learned; those after them are like none, so that nobody
        can make the model large.
        """
        numbers = {name: value for name, value in features.items() if not group(name)}
        self._scaler.learn_one(numbers)  # type: ignore[no-untyped-call]  # River's
        found = self.seen(features)
        gradients = self._optimizer.g2
        for name in [name for name in found if name not in gradients]:
            trait = group(name)
            if trait and self._values[trait] >= VALUES:
                del found[name]
                continue
            gradients[name] = NEW_GRADIENT
            self._values[trait] += 1
        return found

    def seen(self, features: Mapping[str, float]) -> dict[str, float]:
        """Return the features as the model takes them: z-scores, bins, flags."""
        known = self._scaler.counts
        numbers = {name: value for name, value in features.items() if name in known}  # River would note the others
        bent = {name: value for name, value in numbers.items() if not name.startswith(PREFIX)}
        flags = {name: value for name, value in features.items() if group(name)}
        scaled: dict[str, float] = self._scaler.transform_one(numbers)  # type: ignore[no-untyped-call]  # River's
        return scaled | self._bins.transform_one(bent) | flags

    def chance(self, ready: dict[str, float]) -> float:
        """Return the chance of conversion."""
        chances: dict[bool, float] = self._model.predict_proba_one(ready)  # type: ignore[no-untyped-call]  # River's
        return chances[True]

    def learn(self, ready: dict[str, float], chance: float, weight: float) -> None:
        """Learn that this example converts with this chance: a part of it as converted, the rest as not."""
        for label, share in ((1, chance), (0, 1.0 - chance)):
            if share > 0.0:
                self._model.learn_one(ready, label, w=weight * share)

    def raise_steps(self) -> None:
        """After a drift: take steps as long again as for a feature that is new."""
        gradients = self._optimizer.g2
        for name, spent in gradients.items():
            gradients[name] = min(spent, NEW_GRADIENT)

    @property
    def intercept(self) -> float:
        """What the terms are added to."""
        return float(self._model.intercept)

    def terms(self) -> list[Term]:
        """Return a term for each feature: a number's slope, or the weight of a bin or flag."""
        weights, scaler = self._model.weights, self._scaler
        return [
            Term(feature=name, mean=0.0, scale=1.0, weight=weights[name])
            if MARK in name or group(name)
            else Term(feature=name, mean=scaler.means[name], scale=scaler.vars[name] ** 0.5, weight=weights[name])
            for name in sorted(weights)
        ]

    def kept(self) -> Kept:
        """Return all it knows."""
        return Kept(
            counts=dict(self._scaler.counts),
            means=dict(self._scaler.means),
            variances=dict(self._scaler.vars),
            weights=self._model.weights,
            gradients=dict(cast("Mapping[str, float]", self._optimizer.g2)),
            intercept=self.intercept,
            steps=self._optimizer.n_iterations,
        )
