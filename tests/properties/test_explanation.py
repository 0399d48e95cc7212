"""What a score says of itself adds up, whatever the lead; and a learner may be stopped anywhere."""

from functools import cache
from math import isfinite

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.learning import ModelSnapshot
from streams.domain.features import FEATURES
from streams.domain.learner.state import pack, unpack
from streams.domain.learning import Learner
from streams.domain.scoring import CLASSIFIER, SCORERS, TOP, Scorer, logistic
from tests.builders import example
from tests.unit.domain.test_contest import bent

NAMES = st.sampled_from([*FEATURES, "trait:plan=trial", "trait:seats", "never seen"])
LEADS = st.dictionaries(NAMES, st.floats(-1e6, 1e6))


@cache
def snapshot() -> ModelSnapshot:
    learner = Learner.restore(None)
    for it in bent(200):
        learner.learn(it)
    for at in range(300, 330):
        learner.learn(example(at, at % 2, features={name: float(at % 7) for name in FEATURES}))
    return replace(learner.snapshot(1, 0.0), champion=CLASSIFIER, slope=0.7, shift=-0.2)


@pytest.mark.parametrize("champion", SCORERS)
@settings(max_examples=100)
@given(LEADS)
def test_the_points_and_the_intercept_are_the_champions_log_odds(champion: str, lead: dict[str, float]) -> None:
    scorer = Scorer(replace(snapshot(), champion=champion))
    score, points = scorer.score(lead), scorer.points(lead)
    assert abs(scorer.intercept + sum(points.values()) - score.logit) < 1e-9
    assert isfinite(score.logit)
    largest = sorted(map(abs, points.values()), reverse=True)[:TOP]
    assert [abs(it.points) for it in score.reasons] == [it for it in largest if it]
    assert all(it.points == points[it.feature] for it in score.reasons)


@pytest.mark.parametrize("champion", SCORERS)
@settings(max_examples=100)
@given(LEADS)
def test_the_order_in_which_features_come_changes_no_bit(champion: str, lead: dict[str, float]) -> None:
    turned, told = dict(reversed(lead.items())), replace(snapshot(), champion=champion)
    assert Scorer(told).score(lead) == Scorer(told).score(turned)
    assert Scorer(told).scores(lead) == Scorer(told).scores(turned)


@settings(max_examples=100)
@given(LEADS)
def test_both_scorers_say_something_of_every_lead_and_the_one_that_routes_scores_as_it_says(
    lead: dict[str, float],
) -> None:
    for champion in SCORERS:
        scorer = Scorer(replace(snapshot(), champion=champion))
        said = scorer.scores(lead)
        assert sorted(said) == sorted(SCORERS)
        assert abs(said[champion] - logistic(scorer.score(lead).logit)) < 1e-9
        assert scorer.scores(lead, scorer.score(lead).logit) == pytest.approx(said, abs=1e-9)


@settings(max_examples=10)
@given(st.integers(0, 40))
def test_a_learner_killed_anywhere_and_restored_goes_on_bit_for_bit(killed_at: int) -> None:
    told, learner = bent(40, seed=3), Learner.restore(None)
    for at, it in enumerate(told):
        if at == killed_at:
            learner = Learner.restore(learner.snapshot(1, 0.0))
        learner.learn(it)
    straight = Learner.restore(None)
    for it in told:
        straight.learn(it)
    assert learner.snapshot(2, 0.0) == straight.snapshot(2, 0.0)
    assert pack(unpack(straight.snapshot(2, 0.0).classifier)) == straight.snapshot(2, 0.0).classifier
