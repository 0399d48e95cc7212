"""The online learner of leads. One owner: who only scores reads `streams.domain.learner.frozen`'s copy of it."""

from array import array
from collections.abc import Mapping
from math import exp, log
from typing import Any

from river.base import Classifier

from streams.domain.learner.fields import Coordinates, Fields
from streams.domain.learner.frozen import Frozen, frozen
from streams.domain.learner.grove import Grove
from streams.domain.learner.kernel import KERNEL
from streams.domain.learner.state import State

SPENT = 1.0  # of squared gradients, in every cell, before the first
RAISED, FASTER = 300, 2.0


class LeadClassifier(Classifier):
    """Logistic regression over z-scores, bins and hashed pairs, by a small pool of experts; trees beside them.

    Parameters
    ----------
    bits
        The table has 2**bits cells (of 8 bytes for each expert).
    rates
        The step size of each expert; their log-odds are blended by fixed share.
    pairs
        How far each expert trusts pairs: all those of a feature together step so many times as far as the feature.
        One that trusts none (0) keeps to straight lines: of a number it learns the slope alone, and so it is the first
        to have learned enough, of a new world too.
    base_rate
        Step size of the experts' biases, which never shrinks: the memory of the base rate, apart from that of the
        ranking, whose steps shrink with what has been learned.
    prior
        The chance of conversion before anything is known.
    room
        How many numbers the rows may hold that trees are grown from, the latest there are; with no room there are no
        trees. See `streams.domain.learner.grove`.

    Examples:
    --------
    >>> model = LeadClassifier()
    >>> for _ in range(200):
    ...     model.learn_one({"pages": 9, "plan": "trial"}, True)
    ...     model.learn_one({"pages": 1, "plan": "free"}, False)
    >>> model.predict_proba_one({"pages": 8, "plan": "trial"})[True] > 0.5
    True
    >>> model.predict_one({"pages": 1, "plan": "free"})
    False
    """

    def __init__(  # noqa: PLR0917 - as River clones it
        self,
        bits: int = 14,
        rates: tuple[float, ...] = (0.005, 0.03, 0.03, 0.15, 0.15, 0.05),
        pairs: tuple[float, ...] = (2.0, 0.2, 6.0, 0.2, 6.0, 0.0),
        base_rate: float = 0.005,
        prior: float = 0.1,
        room: int = 1 << 17,
    ) -> None:
        self.bits, self.rates, self.pairs, self.base_rate, self.prior = bits, rates, pairs, base_rate, prior
        self.room = room
        experts = len(rates)
        self._fields, self._grove = Fields(), Grove(room, prior)
        self._rates, self._pairs = array("d", rates), array("d", pairs)
        self._table = array("f", bytes(8 * experts << bits))
        bias = log(prior / (1.0 - prior))
        self._head = array("d", (bias,) * experts + (0.0,) * experts + (1.0 / experts,) * experts)
        self._learned = self._raised = 0

    def learn_one(self, x: Mapping[Any, Any], y: bool | str | int, w: float = 1.0) -> None:
        """Learn the label of `x`: numbers, texts, booleans, None = missing. `w` is how much it counts, above 0."""
        self.learn_chance(x, float(y), w)

    def learn_chance(self, x: Mapping[Any, Any], chance: float, w: float = 1.0) -> None:
        """Learn that `x` is True with this chance, 0 to 1: a part of it is learned as True, the rest as False."""
        self._fields.add(x)
        seen = self._fields.encode(x, self.bits)
        if self.room:
            self._grove.learn(seen, len(self._fields.slots), self._of_pool(seen), chance, w)
        rates = array("d", (FASTER * rate for rate in self.rates)) if self._raised else self._rates
        pool = self._table, self._head, rates, self._pairs, self.base_rate, SPENT
        for y, share in ((True, chance), (False, 1.0 - chance)):
            if share > 0.0:
                KERNEL.step(seen.indices, seen.factors, seen.features, *pool, y, w * share)
        self._fields.observe(seen)
        self._raised = max(self._raised - 1, 0)
        self._learned += 1

    def logit(self, x: Mapping[Any, Any]) -> float:
        """Return the log-odds of conversion."""
        seen = self._fields.encode(x, self.bits)
        return self._grove.joined(self._of_pool(seen), seen)

    def predict_proba_one(  # type: ignore[override]  # River also has classes with names
        self, x: Mapping[Any, Any], **_: Any
    ) -> dict[bool, float]:
        """Return {False: chance that the lead does not convert, True: that it does}."""
        chance = 1.0 / (1.0 + exp(-self.logit(x)))
        return {False: 1.0 - chance, True: chance}

    def raise_steps(self) -> None:
        """After a drift: let slow experts begin anew beside the fast, who unlearn sooner; take longer steps a while.

        All forget how much they have learned and who was right; those of the longest steps keep what. Trees are cut
        down, and the rows they grew from go. For the next `RAISED` labels every weight moves as in the beginning,
        `FASTER` times as far.
        """
        experts, nothing = len(self.rates), array("f", bytes(4 << self.bits))
        for expert, rate in enumerate(self.rates):
            if rate < max(self.rates):
                self._table[expert :: 2 * experts] = nothing
            self._table[experts + expert :: 2 * experts] = nothing
        self._head[experts : 2 * experts] = array("d", bytes(8 * experts))
        self._grove.forget()
        self._raised = RAISED

    def frozen(self) -> Frozen:
        """Return a copy to score with that never changes."""
        return frozen(self.state())

    def state(self) -> State:
        """Return everything the learner is, to go on from bit for bit."""
        return State(
            self.bits,
            self.base_rate,
            self.prior,
            self._learned,
            self._raised,
            tuple(self._fields.slots),
            self._rates[:],
            self._pairs[:],
            self._head[:],
            self._fields.stats[:],
            self._table[:],
            self._grove.kept(),
        )

    @classmethod
    def restored(cls, state: State) -> "LeadClassifier":
        """Return the learner as it was."""
        room = state.grove.room
        model = cls(state.bits, tuple(state.rates), tuple(state.pairs), state.base_rate, state.prior, room)
        model._grove = Grove.restored(state.grove)
        model._fields = Fields(state.names, state.stats[:])
        model._head, model._table = state.head[:], state.table[:]
        model._learned, model._raised = state.learned, state.raised
        return model

    def _of_pool(self, seen: Coordinates) -> float:
        logit: float = KERNEL.blend(seen.indices, seen.factors, seen.features, self._table, self._head)
        return logit

    @property
    def _multiclass(self) -> bool:
        return False
