"""A scale and a shift of the log-odds, learned from labels, that act only while they help.

Platt's two parameters (1999), learned online. They are judged before they learn: the log-loss with them against the one
without, over about the latest thousand labels. While that is not lower, scores stay as they are.
"""

from collections.abc import Sequence
from math import exp, log1p, sqrt

KEPT = 0.999
RATE = 0.02
ENOUGH = 200.0  # labels' worth of evidence
NEUTRAL = (1.0, 0.0)


class Calibration:
    """`kept` = scale, shift, spent on either, log-loss without and with (discounted sums), and their weight."""

    def __init__(self, kept: Sequence[float] = (1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0)) -> None:
        self._scale, self._shift, self._of_scale, self._of_shift, self._without, self._with, self._weight = kept

    def kept(self) -> list[float]:
        """Return everything this is."""
        return [self._scale, self._shift, self._of_scale, self._of_shift, self._without, self._with, self._weight]

    @property
    def acting(self) -> tuple[float, float]:
        """The scale and the shift to use now: (1, 0) while they do not help."""
        return (self._scale, self._shift) if self._weight >= ENOUGH and self._with < self._without else NEUTRAL

    def see(self, logit: float, label: float, weight: float) -> None:
        """Judge, then learn, on a label (or the chance of it) and the uncalibrated log-odds it was given."""
        calibrated = self._scale * logit + self._shift
        self._without = KEPT * self._without + weight * loss(logit, label)
        self._with = KEPT * self._with + weight * loss(calibrated, label)
        self._weight = KEPT * self._weight + weight
        slope = (1.0 / (1.0 + exp(-calibrated)) - label) * weight
        self._of_scale += (slope * logit) ** 2
        self._of_shift += slope**2
        self._scale = min(max(self._scale - RATE * slope * logit / sqrt(self._of_scale), 0.2), 5.0)
        self._shift = min(max(self._shift - RATE * slope / sqrt(self._of_shift), -5.0), 5.0)


def loss(logit: float, label: float) -> float:
    """Return the log-loss of log-odds, in nats; of a label that is a chance, what is expected.

    >>> loss(0.0, 1) == loss(0.0, 0), round(loss(0.0, 1), 3), round(loss(2.0, 0.25), 3)
    (True, 0.693, 1.627)
    """
    if 0.0 < label < 1.0:
        return label * loss(logit, 1) + (1.0 - label) * loss(logit, 0)
    margin = logit if label else -logit
    return log1p(exp(-margin)) if margin > 0.0 else log1p(exp(margin)) - margin
