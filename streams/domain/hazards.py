"""The chance to convert within 3, 7, 14 and 30 days, learned while the answers are still coming in.

A discrete-time hazard model: head k holds the chance to convert in bucket k of those who had not before it. A bucket
takes each snapshot that is unconverted at its start exactly once, when it closes, with the right label: nobody counts
as lost because their time is not up, however traffic grows. Early heads are fresh, late ones slow; the chance by the
end of bucket k is 1 - (1 - h₁)…(1 - hₖ). After Tutz and Schmid, *Modeling Discrete Time-to-Event Data* (2016), ch. 3.
"""

from collections.abc import Callable, Mapping, Sequence
from math import exp, log
from typing import Generic, Protocol, TypeVar

DAY_S = 86_400.0
ENDS_S = (3 * DAY_S, 7 * DAY_S, 14 * DAY_S, 30 * DAY_S)
X = dict[str, float | str]
ENOUGH = 25.0  # positives of a bucket at which its own head counts as much as what the bucket before makes likely;
# with n positives, n²/(n² + 25²): with hundreds the bucket before, where others convert than here, has no say any more
PRIOR = 20.0  # examples that the rate expected of a bucket weighs beside those seen
ALIKE = 0.05  # hazard of a first bucket of which nothing is known
_EDGE = 1e-6


class Classifier(Protocol):
    """River's protocol of a binary classifier: `w` weighs an example, 1 = as one row."""

    def predict_proba_one(self, x: X) -> Mapping[bool, float]:
        """Return the chance of each label."""
        ...

    def learn_one(self, x: X, y: bool, *, w: float = 1.0) -> None:
        """Learn one row."""
        ...


C = TypeVar("C", bound=Classifier)


class Hazards(Generic[C]):
    """One head for each bucket; `make` makes a head, `ends` are where buckets end, seconds after the question.

    `heads` are the heads; `seen` and `won` the weight of examples, and of conversions, in each bucket.

    A bucket of which little has been seen is expected to go on as the one before: its head is mixed, in log-odds, with
    the head before it, moved by what the two buckets' rates differ.
    """

    def __init__(self, make: Callable[[], C], ends: Sequence[float] = ENDS_S) -> None:
        self.ends = tuple(ends)
        self.heads = [make() for _ in ends]
        self.seen = [0.0] * len(ends)
        self.won = [0.0] * len(ends)

    def learn_one(self, x: X, bucket: int, y: bool, *, w: float = 1.0) -> None:
        """Learn what became of a snapshot in a bucket that has closed."""
        self.heads[bucket].learn_one(x, y, w=w)
        self.seen[bucket] += w
        self.won[bucket] += w * y

    def chances(self, x: X) -> list[float]:
        """Return the chance to convert by the end of each bucket."""
        left, rates, before, found = 1.0, self._rates(), 0.0, []
        for k, head in enumerate(self.heads):
            usual = _logit(rates[k])
            expected = before + usual - _logit(rates[k - 1]) if k else usual
            share = self.won[k] ** 2 / (self.won[k] ** 2 + ENOUGH**2)
            before = share * _logit(head.predict_proba_one(x).get(True, 0.0)) + (1 - share) * expected
            left *= 1.0 - 1.0 / (1.0 + exp(-before))
            found.append(1.0 - left)
        return found

    def later(self, x: X) -> float:
        """Return the chance to convert in a later bucket, of who has not in the first one."""
        chances = self.chances(x)
        return (chances[-1] - chances[0]) / max(1.0 - chances[0], _EDGE)

    def predict_proba_one(self, x: X) -> dict[bool, float]:
        """Return the chance to convert by the end of the last bucket, and that of not."""
        chance = self.chances(x)[-1]
        return {True: chance, False: 1.0 - chance}

    def _rates(self) -> list[float]:
        """Return each bucket's hazard as seen so far, drawn to that of the bucket before, by the day."""
        rates: list[float] = []
        start = 0.0
        daily = 1.0 - (1.0 - ALIKE) ** (DAY_S / self.ends[0])
        for end, seen, won in zip(self.ends, self.seen, self.won, strict=True):
            days = (end - start) / DAY_S
            expected = 1.0 - (1.0 - daily) ** days
            rates.append((won + PRIOR * expected) / (seen + PRIOR))
            daily, start = 1.0 - (1.0 - rates[-1]) ** (1.0 / days), end
        return rates


def _logit(chance: float) -> float:
    bounded = min(max(chance, _EDGE), 1.0 - _EDGE)
    return log(bounded / (1.0 - bounded))
