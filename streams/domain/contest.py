"""Which of two scorers routes: all score, and the challenger takes over only when it is better beyond doubt.

Both are asked on each closed example before either learns it. The paired difference of their log-losses goes through a
sequential test that may be looked at after every example: the mixture likelihood ratio with a normal prior (Robbins
1970). It errs towards either side with a chance of at most `ALPHA`, however often it is looked at.
"""

from collections.abc import Sequence
from math import log
from typing import NamedTuple

ALPHA = 0.01
FEWEST = 500  # closed examples, before which nobody is promoted
USUAL = 0.02  # nats: the difference that is looked for
HELD = 3.0  # a difference counts as at most this


class Contest(NamedTuple):
    """Examples so far, the sums of the champion's loss less the challenger's and of its square."""

    examples: int = 0
    lead: float = 0.0
    squares: float = 0.0

    def see(self, champion_loss: float, challenger_loss: float) -> "Contest":
        """Return the contest after one more closed example."""
        ahead = min(max(champion_loss - challenger_loss, -HELD), HELD)
        return Contest(self.examples + 1, self.lead + ahead, self.squares + ahead * ahead)

    @property
    def won(self) -> bool:
        """Whether the challenger is better beyond doubt.

        >>> Contest(499, 400.0, 500.0).won, Contest(500, 400.0, 500.0).won, Contest(500, -400.0, 500.0).won
        (False, True, False)
        """
        if self.examples < FEWEST or self.lead <= 0.0:
            return False
        variance = max(self.squares / self.examples, 1e-6)
        prior = USUAL * USUAL
        grown = variance + self.examples * prior
        evidence = 0.5 * log(variance / grown) + prior * self.lead * self.lead / (2.0 * variance * grown)
        return evidence > log(1.0 / ALPHA)

    @classmethod
    def of(cls, kept: Sequence[float]) -> "Contest":
        """Return the contest that was kept as its three numbers; a new one for none."""
        return cls(int(kept[0]), kept[1], kept[2]) if kept else cls()
