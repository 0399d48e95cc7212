"""What can be evaluated: anything that speaks River's protocol, by name."""

from collections.abc import Callable, Mapping
from math import exp

from streams.domain.calibration import Calibration
from streams.domain.hazards import Classifier, X
from streams.domain.learner.classifier import LeadClassifier
from streams.domain.traits import PREFIX


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


class Baseline:
    """River's pipeline, as it stands by in the pipeline of leads: texts are flags, as free traits are there."""

    def __init__(self) -> None:
        from streams.domain.pipeline import Pipeline

        self._pipeline = Pipeline()

    def predict_proba_one(self, x: X) -> Mapping[bool, float]:
        """Return the chance of each label."""
        chance = self._pipeline.chance(self._pipeline.seen(_flagged(x)))
        return {False: 1.0 - chance, True: chance}

    def learn_one(self, x: X, y: bool, *, w: float = 1.0) -> None:
        """Learn one row."""
        self._pipeline.learn(self._pipeline.ready(_flagged(x)), float(y), w)


def _flagged(x: X) -> dict[str, float]:
    """Return a row with a flag in the place of each text.

    >>> _flagged({"pages": 3.0, "plan": "trial"})
    {'pages': 3.0, 'trait:plan=trial': 1.0}
    """
    return dict(
        (f"{PREFIX}{name}={value}", 1.0) if isinstance(value, str) else (name, value) for name, value in x.items()
    )


ESTIMATORS: Mapping[str, Callable[[], Classifier]] = {"leads": Leads, "river": Baseline}
DEFAULT = "leads"
