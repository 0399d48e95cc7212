"""What can be evaluated: anything that speaks River's protocol, by name."""

from collections.abc import Callable, Mapping
from numbers import Number
from typing import Protocol, cast

from streams.domain.learner.classifier import LeadClassifier
from streams.evaluation.columns import X


class Estimator(Protocol):
    """River's protocol of a binary classifier: `w` weighs an example, 1 = as one row."""

    def predict_proba_one(self, x: X) -> Mapping[bool, float]:
        """Return the chance of each label."""
        ...

    def learn_one(self, x: X, y: bool, *, w: float = 1.0) -> None:
        """Learn one row."""
        ...


class Pipeline:
    """River's own: numbers to z-scores, categories one-hot, a logistic regression with AdaGrad."""

    def __init__(self) -> None:
        from river import compose, linear_model, optim, preprocessing

        numbers = compose.SelectType(Number) | preprocessing.StandardScaler()
        words = compose.SelectType(str) | preprocessing.OneHotEncoder(drop_zeros=True)
        self._head = numbers + words
        self._model = linear_model.LogisticRegression(optim.AdaGrad(0.1))

    def predict_proba_one(self, x: X) -> Mapping[bool, float]:
        """Return the chance of each label."""
        ready = self._head.transform_one(x)
        return cast("Mapping[bool, float]", self._model.predict_proba_one(ready))  # type: ignore[no-untyped-call]

    def learn_one(self, x: X, y: bool, *, w: float = 1.0) -> None:
        """Learn one row."""
        self._head.learn_one(x)
        self._model.learn_one(self._head.transform_one(x), y, w=w)


ESTIMATORS: Mapping[str, Callable[[], Estimator]] = {"leads": LeadClassifier, "river": Pipeline}
DEFAULT = "leads"
