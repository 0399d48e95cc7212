"""The score that routes: the card's at first, then more and more the model's, as outcomes come to be known.

Both are log-odds, and so is their blend: (1 - share) times the card's and share times the model's. Every line of the
card's ledger and every feature's points go into it by the same shares, so that reasons still sum to the score.
"""

from collections.abc import Collection, Mapping

from msgspec import Struct

from schemas.learning import ModelSnapshot
from schemas.records import LeadProfile, ScoreReason
from streams.domain.card import DOUBLE, ENGAGEMENT, FIT, Card
from streams.domain.ledger import Ledger, Line, total
from streams.domain.scoring import TOP, Scorer, logistic

BY_CARD, BY_MODEL, BY_BOTH = "card", "model", "blend"
CARD = "card:"
PER_CONVERSION = 20.0  # labels that count for each conversion: without those, labels say little


class Score(Struct, frozen=True, gc=False):
    """The chance of converting, and why.

    `fit` and `engagement` (0..1) show the two halves apart: the logistic of the points for who the lead is, and of
    those for what they do. `reasons` are the largest points, in log-odds; all of them and the intercept sum to `logit`.
    `share` is the model's part in it (0..1), `of_model` its own log-odds, None where it has no part; `card_points` are
    the total of the card's ledger.
    """

    probability: float
    logit: float
    fit: float
    engagement: float
    reasons: list[ScoreReason]
    model_version: int
    led_by: str
    share: float
    card: str
    card_points: float
    of_model: float | None = None


class Blend:
    """Scores with one card and one snapshot (None = none yet); safe to share, for nothing in it changes."""

    def __init__(self, card: Card, snapshot: ModelSnapshot | None = None) -> None:
        self.card, self._card_id, self._ledger = card, card.id, Ledger(card)
        self.modelled = snapshot is not None  # whether anything here looks at features
        self.version = snapshot.version if snapshot else 0
        self.champion = snapshot.champion if snapshot else ""
        self.share = card.share(evidence(snapshot)) if snapshot else 0.0
        self._scorer = Scorer(snapshot) if snapshot else None
        self._model = self._scorer if self.share else None
        self.led_by = BY_CARD if self._model is None else BY_BOTH if self.share < 1.0 else BY_MODEL
        self._of_card = (1.0 - self.share) * DOUBLE / card.doubling  # log-odds for a point
        self.intercept = (1.0 - self.share) * card.zero + (self.share * self._model.intercept if self._model else 0.0)

    def points(self, lead: LeadProfile, features: Mapping[str, float], now: float) -> dict[str, float]:
        """Return what each feature and each line of the ledger add to the log-odds, by name."""
        found = {CARD + line.name: self._of_card * line.points for line in self._ledger.lines(lead, now)}
        if self._model is not None:
            found |= {name: self.share * points for name, points in self._model.points(features).items()}
        return found

    def score(self, lead: LeadProfile, features: Mapping[str, float], now: float) -> Score:
        """Return the score of a lead at `now`, its features having been taken then."""
        lines = self._ledger.lines(lead, now)
        fit, engagement, points = self._half(lines, FIT), self._half(lines, ENGAGEMENT), total(lines)
        rest = self._of_card * points - fit - engagement
        reasons, of_model = self._reasons(lines), None
        if self._model is not None:
            modelled = self._model.score(features)
            of_model = modelled.logit
            fit += self.share * modelled.fit
            engagement += self.share * modelled.engagement
            reasons += [
                ScoreReason(feature=it.feature, value=it.value, points=self.share * it.points)
                for it in modelled.reasons
            ]
            reasons.sort(key=lambda it: -abs(it.points))
        logit = self.intercept + fit + engagement + rest
        return Score(
            probability=logistic(logit),
            logit=logit,
            fit=logistic(fit),
            engagement=logistic(engagement),
            reasons=reasons[:TOP],
            model_version=self.version,
            led_by=self.led_by,
            share=self.share,
            card=self._card_id,
            card_points=points,
            of_model=of_model,
        )

    def scores(self, features: Mapping[str, float], score: Score) -> dict[str, float]:
        """Return what each of the model's scorers says of a lead scored like this; nothing while there is no model."""
        return self._scorer.scores(features, score.of_model) if self._scorer is not None else {}

    @property
    def routes(self) -> str:
        """Which scorer's log-odds route: the card's id, or the champion's name; "" while both do."""
        return {BY_CARD: self.card.id, BY_MODEL: self.champion}.get(self.led_by, "")

    @property
    def traits(self) -> Collection[str]:
        """The features of free traits that the model has a weight for; none while there is no model."""
        return self._scorer.traits if self._scorer is not None else ()

    def _half(self, lines: list[Line], group: str) -> float:
        return self._of_card * sum([line.points for line in lines if line.group == group])

    def _reasons(self, lines: list[Line]) -> list[ScoreReason]:
        """Return the ledger's lines as reasons, largest first: `value` in points, `points` in log-odds."""
        worth = self._of_card
        if not worth:
            return []
        largest = sorted(lines, key=lambda it: -abs(it.points))[:TOP]
        return [ScoreReason(feature=CARD + it.name, value=it.points, points=worth * it.points) for it in largest]


def evidence(snapshot: ModelSnapshot) -> float:
    """Return how many closed labels a model's experience is worth: few conversions say little, however many labels.

    A label is closed at the horizon; what has been learned of younger ones is half a guess, and no reason to lead.
    """
    told = snapshot.metrics
    if "conversions" in told:
        return min(told["n"], PER_CONVERSION * told["conversions"])
    converted = told.get("converted")  # a snapshot of before, when labels counted from their first bucket on
    return float(snapshot.examples if converted is None else min(snapshot.examples, PER_CONVERSION * converted))
