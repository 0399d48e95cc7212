"""Whether the leads that come in are of another kind than before: seen at once, where losses come a horizon late."""

from collections import deque
from collections.abc import Collection, Mapping

from streams.domain.drift import psi
from streams.domain.traits import PREFIX

WINDOW = 500  # scores, or stated traits, that are compared with as many before them
ENOUGH = 100  # stated traits, of which a share says something


class Inputs:
    """What was scored lately. Figures are shares and indices, not of any person.

    Scores are compared with those of the same scorer only: when another takes over, or two are blended in shares that
    move, it is the scale that changes and not the leads.
    """

    def __init__(self) -> None:
        self._by = ""
        self._scores: deque[float] = deque(maxlen=2 * WINDOW)
        self._unseen: deque[bool] = deque(maxlen=WINDOW)

    def see(self, features: Mapping[str, float], score: float, known: Collection[str], by: str) -> None:
        """Take in one lead as it was scored.

        `known` = the traits that the model has a weight for, none at first; `by` = whose score it is, "" = a blend's.
        """
        if by != self._by:
            self._by = by
            self._scores.clear()
        if by:
            self._scores.append(score)
        if known:
            self._unseen.extend(name not in known for name in features if name.startswith(PREFIX))

    def psi(self) -> float:
        """Return the population stability index of the latest scores, over the deciles of those before; 0 too early."""
        scores = tuple(self._scores)  # at once: another thread may ask
        return psi(scores[:WINDOW], scores[WINDOW:]) if len(scores) == 2 * WINDOW else 0.0

    def unseen(self) -> float:
        """Return the share of stated traits that the model has never seen; 0 too early."""
        unseen = tuple(self._unseen)
        return sum(unseen) / len(unseen) if len(unseen) >= ENOUGH else 0.0
