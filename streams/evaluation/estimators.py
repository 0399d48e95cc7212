"""What can be evaluated: anything that speaks River's protocol, by name."""

from collections.abc import Callable, Mapping
from math import copysign, exp, log2
from numbers import Number
from typing import cast

from streams.domain.calibration import Calibration
from streams.domain.hazards import Classifier, X
from streams.domain.learner.classifier import LeadClassifier


class Leads:
    """The classifier as the pipeline routes with it: calibrated by scale and shift, while these lower the log-loss."""

    def __init__(self) -> None:
        self._model, self._calibration = LeadClassifier(), Calibration()

    def predict_proba_one(self, x: X) -> Mapping[bool, float]:
        """Return the chance of each label."""
        scale, shift = self._calibration.acting
        chance = 1.0 / (1.0 + exp(-(scale * self._model.logit(x) + shift)))
        return {False: 1.0 - chance, True: chance}

    def learn_one(self, x: X, y: bool, *, w: float = 1.0) -> None:
        """Learn one row: the calibration on the score that the classifier gives before it learns."""
        self._calibration.see(self._model.logit(x), float(y), w)
        self._model.learn_one(x, y, w)


class Pipeline:
    """River's own: numbers to z-scores and to bins of their logarithm, categories one-hot, AdaGrad."""

    def __init__(self) -> None:
        from river import compose, linear_model, optim, preprocessing

        numbers = compose.SelectType(Number) | preprocessing.StandardScaler()
        words = compose.SelectType(str) | preprocessing.OneHotEncoder(drop_zeros=True)
        self._head = numbers + words
        self._model = linear_model.LogisticRegression(optim.AdaGrad(0.1))

    def predict_proba_one(self, x: X) -> Mapping[bool, float]:
        """Return the chance of each label."""
        ready = self._head.transform_one(_binned(x))
        return cast("Mapping[bool, float]", self._model.predict_proba_one(ready))  # type: ignore[no-untyped-call]

    def learn_one(self, x: X, y: bool, *, w: float = 1.0) -> None:
        """Learn one row."""
        binned = _binned(x)
        self._head.learn_one(binned)
        self._model.learn_one(self._head.transform_one(binned), y, w=w)


def _binned(x: X) -> X:
    """Return the row with a category beside each number: half powers of two of its size, and its sign.

    >>> _binned({"pages": 3.0})
    {'pages': 3.0, 'pages~': '4'}
    """
    numbers = [(name, value) for name, value in x.items() if not isinstance(value, str)]
    return x | {f"{name}~": str(int(copysign(2 * log2(1 + abs(value)), value))) for name, value in numbers}


ESTIMATORS: Mapping[str, Callable[[], Classifier]] = {"leads": Leads, "river": Pipeline}
DEFAULT = "leads"
