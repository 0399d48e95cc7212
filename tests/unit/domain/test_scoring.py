"""What a model makes of a lead, and its reasons."""

import pytest
from msgspec.structs import replace

from schemas.learning import ModelSnapshot, Term
from schemas.records import Trait
from streams.domain.features import FEATURES, features
from streams.domain.scoring import TOP, Scorer, logistic
from tests.builders import NOON, profile

MODEL = ModelSnapshot(
    version=3,
    kind="conversion",
    created_at=0.0,
    examples=9,
    intercept=-2.0,
    terms=[Term(feature=name, mean=0.5, scale=0.7, weight=0.01 * at - 0.1) for at, name in enumerate(FEATURES)],
    metrics={},
)


def test_the_points_and_the_intercept_are_the_score() -> None:
    scorer, values = Scorer(MODEL), features(profile(), NOON)
    score = scorer.score(values)
    assert abs(sum(scorer.points(values).values()) + MODEL.intercept - score.logit) < 1e-9


def test_the_reasons_are_the_largest_points_in_order() -> None:
    scorer, values = Scorer(MODEL), features(profile(), NOON)
    largest = sorted(scorer.points(values).items(), key=lambda it: -abs(it[1]))[:TOP]
    assert sorted((it.feature, it.points) for it in scorer.score(values).reasons) == sorted(largest)


def test_a_feature_that_the_model_or_the_lead_lacks_counts_nothing() -> None:
    model = replace(MODEL, terms=[Term(feature="retired", mean=3.0, scale=2.0, weight=9.0)])
    assert Scorer(model).score({"new": 5.0}).logit == MODEL.intercept


def test_a_feature_that_never_varied_counts_nothing() -> None:
    model = replace(MODEL, terms=[Term(feature="constant", mean=3.0, scale=0.0, weight=9.0)])
    assert Scorer(model).score({"constant": 5.0}).logit == MODEL.intercept


@pytest.mark.parametrize("logit", [-1e6, -745.3, -1.0, 0.0, 1.0, 1e6])
def test_the_logistic_is_a_probability_everywhere(logit: float) -> None:
    assert 0.0 <= logistic(logit) <= 1.0
    assert logistic(logit) + logistic(-logit) == pytest.approx(1.0)


def test_traits_count_for_who_has_them_and_are_part_of_the_fit() -> None:
    terms = [
        Term(feature="trait:plan=trial", mean=0.0, scale=1.0, weight=0.7),
        Term(feature="trait:plan=paid", mean=0.0, scale=1.0, weight=-0.4),
        Term(feature="trait:seats", mean=2.0, scale=0.5, weight=0.1),
    ]
    scorer = Scorer(replace(MODEL, terms=[*MODEL.terms, *terms]))
    lead = profile(traits={"plan": Trait(value="Trial", at=0.0), "seats": Trait(value="12", at=0.0)})
    plain, stated = features(profile(), NOON), features(lead, NOON)
    score, points = scorer.score(stated), scorer.points(stated)
    assert points["trait:plan=trial"] == 0.7
    assert points["trait:plan=paid"] == 0.0
    assert points["trait:seats"] == pytest.approx((stated["trait:seats"] - 2.0) * 0.2)
    assert abs(sum(points.values()) + MODEL.intercept - score.logit) < 1e-9
    assert scorer.score(plain).logit == pytest.approx(Scorer(MODEL).score(plain).logit)
    assert score.fit > scorer.score(plain).fit
    assert score.engagement == scorer.score(plain).engagement
    assert "trait:plan=trial" in {it.feature for it in score.reasons}
