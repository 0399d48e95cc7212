"""A score and its exact reasons, from a model snapshot that never changes. Learning is `streams.domain.learning`'s.

A snapshot holds two scorers; its champion routes. Of a feature the pipeline's points are its line's and its bin's; the
classifier's hold its share in pairs as well. Either's points, and its intercept, sum to the log-odds. What routes a
lead is blended with the scorecard's (`streams.domain.blend`).
"""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from itertools import repeat
from math import exp, inf
from operator import add, getitem, mul, sub
from typing import NamedTuple

from schemas.learning import ModelSnapshot, Term
from schemas.records import ScoreReason
from streams.domain.bins import EDGES, PLACES, binned
from streams.domain.features import is_fit
from streams.domain.learner.frozen import Frozen, frozen
from streams.domain.learner.state import unpack
from streams.domain.traits import PREFIX

KIND = "conversion"
TOP = 5
SCORERS = PIPELINE, CLASSIFIER = "pipeline", "classifier"


class Modelled(NamedTuple):
    """What a model makes of a lead, in log-odds: the score, its halves (who the lead is, what it does), the reasons.

    `reasons` are the largest points; all points and the intercept sum to `logit`.
    """

    logit: float
    fit: float
    engagement: float
    reasons: list[ScoreReason]


class Scorer:
    """Scores with one snapshot; safe to share, for nothing in it changes."""

    def __init__(self, snapshot: ModelSnapshot) -> None:
        terms = sorted(snapshot.terms, key=lambda it: (is_fit(it.feature), it.feature))
        of_all = [it for it in terms if not (it.feature.startswith(PREFIX) or binned(it.feature)[0])]
        self.version, self.champion = snapshot.version, snapshot.champion
        self._intercept = self._of_pipeline = snapshot.intercept
        self._names = [it.feature for it in of_all]
        self._terms = [_slope(it) for it in of_all]
        self._means = [mean for _, mean, _ in self._terms]
        self._weights = [weight for _, _, weight in self._terms]
        self._bins = _steps(terms, self._names)
        self._acts = sum(not is_fit(it.feature) for it in of_all)
        self._traits = {it.feature: _slope(it) for it in terms if it.feature.startswith(PREFIX)}
        self._classifier: Frozen | None = None
        self._other: Frozen | None = None
        self._slope, self._of_classifier = snapshot.slope, 0.0
        if snapshot.classifier:
            self._other = frozen(unpack(snapshot.classifier))
            self._of_classifier = snapshot.slope * self._other.bias + snapshot.shift
        if snapshot.champion == CLASSIFIER and self._other is not None:
            self._classifier, self._intercept = self._other, self._of_classifier

    @property
    def traits(self) -> Collection[str]:
        """The features of free traits that it has a weight for."""
        return self._traits.keys()

    @property
    def intercept(self) -> float:
        """What the points are added to."""
        return self._intercept

    def points(self, features: Mapping[str, float]) -> dict[str, float]:
        """Return every feature's share of the log-odds; to the pipeline, a feature that is missing is average."""
        if self._classifier is not None:
            names, points = self._classifier.points(features)
            return {name: self._slope * of for name, of in zip(names, points, strict=True)}
        of_traits = {name: (features.get(name, mean) - mean) * weight for name, mean, weight in self._traits.values()}
        return dict(zip(self._names, self._lines(features), strict=True)) | of_traits

    def score(self, features: Mapping[str, float]) -> Modelled:
        """Return the score of a lead's features. Of a lead's many possible traits, only those it has are looked at."""
        if self._classifier is not None:
            return self._by_classifier(self._classifier, features)
        names, points = self._of_terms(features)
        return self._score(features, names, points, sum(points[: self._acts]), sum(points[self._acts :]))

    def scores(self, features: Mapping[str, float], champions: float | None = None) -> dict[str, float]:
        """Return what each scorer says, whichever routes: they are compared by it, when labels come.

        `champions` are the log-odds of the one that routes, where they are known.
        """
        known = {self.champion: champions}
        of_pipeline, of_classifier = known.get(PIPELINE), known.get(CLASSIFIER)
        if of_pipeline is None:
            of_pipeline = self._of_pipeline + sum(self._of_terms(features)[1])
        said = {PIPELINE: logistic(of_pipeline)}
        if self._other is not None:
            if of_classifier is None:
                of_classifier = self._of_classifier + self._slope * sum(self._other.points(features)[1])
            said[CLASSIFIER] = logistic(of_classifier)
        return said

    def _of_terms(self, features: Mapping[str, float]) -> tuple[list[str], list[float]]:
        """Return the pipeline's points: of each feature it knows, and of those traits that the lead has."""
        names, points = self._names, self._lines(features)
        if self._traits and (stated := sorted(self._traits.keys() & features.keys())):
            names = names + stated
            points += [(features[name] - mean) * weight for name, mean, weight in map(self._traits.__getitem__, stated)]
        return names, points

    def _lines(self, features: Mapping[str, float]) -> list[float]:
        """Return the points of each feature that is no trait: along its line, and of the bin its number lies in."""
        get, names = features.get, self._names
        points = map(mul, map(sub, map(get, names, self._means), self._means), self._weights)
        if not self._bins:
            return list(points)
        places = map(bisect_right, repeat(EDGES), map(get, names, repeat(inf)))  # what is missing lies in none
        return list(map(add, points, map(getitem, self._bins, places)))

    def _by_classifier(self, classifier: Frozen, features: Mapping[str, float]) -> Modelled:
        names, raw = classifier.points(features)
        points = [self._slope * of for of in raw]
        who = [is_fit(name) for name in names]
        return self._score(
            features,
            names,
            points,
            sum(of for of, fit in zip(points, who, strict=True) if not fit),
            sum(of for of, fit in zip(points, who, strict=True) if fit),
        )

    def _score(
        self, features: Mapping[str, float], names: Sequence[str], points: list[float], engagement: float, fit: float
    ) -> Modelled:
        get = features.get
        logit = self._intercept + fit + engagement
        sizes = list(map(abs, points))
        top = sorted(range(len(points)), key=sizes.__getitem__, reverse=True)[:TOP]
        reasons = [ScoreReason(feature=names[i], value=get(names[i], 0.0), points=points[i]) for i in top if sizes[i]]
        return Modelled(logit, fit, engagement, reasons)


def _slope(term: Term) -> tuple[str, float, float]:
    """Return a term's name, mean, and points for each unit above the mean."""
    return term.feature, term.mean, term.weight / term.scale if term.scale else 0.0


def _steps(terms: Sequence[Term], names: Sequence[str]) -> list[list[float]]:
    """Return, of each of these features, what each of its bins is worth; nothing where no term is a bin's."""
    found = {name: [0.0] * PLACES for name in names}
    known = False
    for term in terms:
        name, place = binned(term.feature) if not term.feature.startswith(PREFIX) else ("", 0)
        if name in found:
            found[name][place], known = term.weight, True
    return list(found.values()) if known else []


def logistic(logit: float) -> float:
    """Return the probability of log-odds, without overflow.

    >>> logistic(0.0), logistic(-1000.0), logistic(1000.0)
    (0.5, 0.0, 1.0)
    """
    if logit >= 0:
        return 1.0 / (1.0 + exp(-logit))
    odds = exp(max(logit, -745.2))
    return odds / (1.0 + odds)
