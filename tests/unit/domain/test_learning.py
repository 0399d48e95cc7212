"""The learner: what it remembers, what it refuses, and that a pause changes nothing."""

from math import inf, nan
from random import Random
from typing import Any

import pytest
from msgspec import msgpack
from msgspec.structs import replace

from schemas.learning import TrainingExample
from schemas.rejected import Reason, Rejected
from streams.cards import card
from streams.domain.blend import Blend, evidence
from streams.domain.features import FEATURES
from streams.domain.learner.state import unpack
from streams.domain.learning import REMEMBERED, Learner
from streams.domain.pipeline import VALUES
from streams.domain.scoring import Scorer, logistic
from tests.builders import example

USUAL = {name: (0.3, 0.3) if name == "seniority" else (1.0, 0.5) for name in FEATURES}


def examples(number: int, seed: int = 1) -> list[TrainingExample]:
    """Usual leads, of whom seniors convert."""
    rng = Random(seed)
    made = []
    for at in range(number):
        features = {name: rng.gauss(mean, scale) for name, (mean, scale) in USUAL.items()}
        label = int(rng.random() < (0.6 if features["seniority"] > 0.3 else 0.1))
        made.append(example(at, label, features=features, score=rng.random()))
    return made


def closed(number: int, seed: int = 1) -> list[TrainingExample]:
    """The same leads with time: half of who converts does so in the first bucket, the rest in the second of four."""
    told = []
    for at, it in enumerate(examples(number, seed)):
        won = None if not it.label else at % 2
        told += [
            replace(it, id=f"{it.id}-{bucket}", label=int(bucket == won), bucket=bucket, buckets=4)
            for bucket in range(4 if won is None else won + 1)
        ]
    return told


def taught(learner: Learner, told: list[TrainingExample]) -> Learner:
    for it in told:
        learner.learn(it)
    return learner


def test_stopped_and_restored_it_goes_on_bit_for_bit() -> None:
    told = examples(1000)
    straight = taught(Learner.restore(None), told).snapshot(2, 0.0)
    half = taught(Learner.restore(None), told[:500]).snapshot(1, 0.0)
    assert taught(Learner.restore(half), told[500:]).snapshot(2, 0.0) == straight


def test_with_heads_too_it_goes_on_bit_for_bit_after_a_stop() -> None:
    told = closed(500)
    straight = taught(Learner.restore(None), told).snapshot(2, 0.0)
    half = taught(Learner.restore(None), told[:300]).snapshot(1, 0.0)
    assert taught(Learner.restore(half), told[300:]).snapshot(2, 0.0) == straight


def test_losses_that_rise_at_one_door_are_counted_there_and_at_no_other() -> None:
    rng, learner, turned = Random(2), Learner.restore(None), 2_000
    for at in range(turned + 1_500):
        by_ad, keen = rng.random() < 0.3, rng.gauss(0.0, 2.0)
        likes = -keen if by_ad and at >= turned else keen
        features = {"came_by_ad": float(by_ad), "pages_30d": 1.0, "seniority": keen}
        learner.learn(example(at, int(rng.random() < logistic(2.0 * likes)), features=features))
        if at == turned - 1:
            assert learner.snapshot(1, 0.0).metrics["rises"] == 0.0
    found = Learner.restore(learner.snapshot(2, 0.0)).snapshot(2, 0.0).metrics
    assert found["rises"] > 0.0
    assert found["rises_ad"] > 0.0
    assert [found[f"rises_{door}"] for door in ("web", "email", "crm")] == [0.0] * 3


def test_who_has_not_converted_in_the_first_bucket_may_still() -> None:
    """One in three converts, every other of them late: to call those lost would halve the scores."""
    told = closed(1500)
    scorer = Scorer(taught(Learner.restore(None), told).snapshot(1, 0.0))
    fresh = examples(300, seed=2)
    said = sum(logistic(scorer.score(it.features).logit) for it in fresh) / 300
    assert said == pytest.approx(sum(it.label for it in fresh) / 300, abs=0.06)
    deaf = [replace(it, buckets=1) for it in told if it.bucket == 0]
    halved = Scorer(taught(Learner.restore(None), deaf).snapshot(1, 0.0))
    assert sum(logistic(halved.score(it.features).logit) for it in fresh) / 300 < 0.7 * said


def test_a_verdict_judges_the_scores_that_were_given_and_teaches_nothing() -> None:
    learner = taught(Learner.restore(None), closed(50))
    before = learner.snapshot(1, 0.0)
    for at in range(40):
        scores = {"pipeline": 0.9 if at % 4 else 0.2, "classifier": 0.2 if at % 4 else 0.9}
        verdict = example(9_000 + at, int(at % 4 == 0), features={}, bucket=4, buckets=4, score=0.5, scores=scores)
        assert learner.learn(verdict)
    after = learner.snapshot(1, 0.0)
    assert (after.terms, after.classifier, after.heads, after.examples) == (
        before.terms,
        before.classifier,
        before.heads,
        before.examples,
    )
    assert (before.metrics["n"], after.metrics["n"]) == (0.0, 40.0)


def test_the_card_leads_until_labels_have_closed_however_much_has_been_learned_of_younger_ones() -> None:
    learner = taught(Learner.restore(None), closed(600))
    young = learner.snapshot(1, 0.0)
    assert (young.examples, evidence(young), Blend(card(), young).led_by) == (600, 0.0, "card")
    for at in range(500):
        learner.learn(example(9_000 + at, int(at % 4 == 0), features={}, bucket=4, buckets=4))
    assert Blend(card(), Learner.restore(learner.snapshot(2, 0.0)).snapshot(3, 0.0)).led_by == "model"


def promoted() -> Learner:
    """A learner whose classifier has won the contest."""
    learner, rng = taught(Learner.restore(None), closed(10)), Random(3)
    for at in range(700):
        label = int(rng.random() < 0.3)
        scores = {"pipeline": rng.random(), "classifier": 0.7 if label else 0.1}
        learner.learn(example(9_000 + at, label, features={}, bucket=4, buckets=4, scores=scores))
    return learner


def test_the_scores_that_were_given_decide_who_routes() -> None:
    assert promoted().snapshot(1, 0.0).champion == "classifier"


def test_when_buckets_end_elsewhere_their_heads_begin_anew_and_the_scorers_stay() -> None:
    old = taught(Learner.restore(None), closed(300)).snapshot(1, 0.0)
    new = Learner.restore(old, (86_400.0, 172_800.0)).snapshot(1, 0.0)
    assert (new.terms, new.classifier) == (old.terms, old.classifier)
    assert len(new.heads) == 2


def test_a_classifier_of_another_release_begins_anew_as_challenger_and_the_pipeline_stays() -> None:
    old = promoted().snapshot(1, 0.0)
    foreign = replace(old, classifier=b"LSL1" + old.classifier[4:])
    new = Learner.restore(foreign).snapshot(1, 0.0)
    assert (new.terms, new.champion) == (old.terms, "pipeline")
    assert Learner.restore(new).snapshot(1, 0.0) == new


@pytest.mark.parametrize(("bucket", "buckets"), [(0, 3), (5, 4), (-1, 4), (1, 1), (0, 0)])
def test_an_example_of_other_buckets_than_ours_is_refused(bucket: int, buckets: int) -> None:
    with pytest.raises(Rejected) as refused:
        Learner.restore(None).learn(example(1, bucket=bucket, buckets=buckets))
    assert refused.value.reason is Reason.INVALID_VALUE


def test_the_exported_terms_score_as_the_learner_does() -> None:
    learner = taught(Learner.restore(None), examples(200))
    scorer, pipeline = Scorer(learner.snapshot(1, 0.0)), learner._pipeline
    for it in examples(20, seed=2):
        told = pipeline.chance(pipeline.seen(it.features))
        assert logistic(scorer.score(it.features).logit) == pytest.approx(told, abs=1e-9)


def test_it_learns_what_matters() -> None:
    model = taught(Learner.restore(None), examples(500)).snapshot(1, 0.0)
    weights = {term.feature: term.weight for term in model.terms}
    assert max(weights, key=weights.__getitem__) == "seniority"


def test_the_order_of_the_features_in_an_example_changes_nothing() -> None:
    told = examples(20)
    turned = [replace(it, features=dict(reversed(it.features.items()))) for it in told]
    one, other = (taught(Learner.restore(None), it).snapshot(1, 0.0) for it in (told, turned))
    assert one == other


def test_an_example_is_learned_once() -> None:
    learner = Learner.restore(None)
    assert learner.learn(example(1))
    before = learner.snapshot(1, 0.0)
    assert not learner.learn(example(1, label=0))
    assert learner.snapshot(1, 0.0) == before
    assert not Learner.restore(before).learn(example(1))


def test_its_memory_of_examples_is_bounded() -> None:
    learner = Learner.restore(None)
    for number in range(REMEMBERED + 10):
        learner.learn(example(number, label=number % 2))
    assert len(learner.snapshot(1, 0.0).learner) < 100_000


@pytest.mark.parametrize(
    "changed",
    [
        {"features": {"active_days": nan}},
        {"features": {"active_days": inf}},
        {"features": {"active_days": 1e300}},
        {"score": nan},
        {"score": 1.5},
        {"weight": 0.0},
        {"weight": nan},
        {"label": 2},
    ],
    ids=str,
)
def test_an_impossible_example_is_refused_and_changes_nothing(changed: dict[str, Any]) -> None:
    learner = Learner.restore(None)
    before = learner.snapshot(1, 0.0)
    with pytest.raises(Rejected) as caught:
        learner.learn(example(1, **changed))
    assert caught.value.reason is Reason.INVALID_VALUE
    assert learner.snapshot(1, 0.0) == before


def test_a_new_feature_may_appear_in_mid_stream() -> None:
    learner = taught(Learner.restore(None), examples(10))
    learner.learn(example(99, features={"brand_new": 1.0}))
    assert "brand_new" in {term.feature for term in learner.snapshot(1, 0.0).terms}


def test_what_leads_state_of_themselves_is_learned() -> None:
    rng, learner = Random(3), Learner.restore(None)
    for at in range(400):
        plan = rng.choice(["trial", "paid"])
        label = int(rng.random() < (0.7 if plan == "paid" else 0.1))
        learner.learn(example(at, label, features={"active_days": 1.0, f"trait:plan={plan}": 1.0}))
    scorer = Scorer(learner.snapshot(1, 0.0))
    trial, paid = (logistic(scorer.score({f"trait:plan={plan}": 1.0}).logit) for plan in ("trial", "paid"))
    assert paid > 2 * trial


def test_a_flag_is_exported_as_it_was_learned() -> None:
    learner = Learner.restore(None)
    for at in range(20):
        learner.learn(example(at, at % 2, features={"trait:plan=trial": 1.0, "trait:seats": float(at)}))
    terms = {term.feature: term for term in learner.snapshot(1, 0.0).terms}
    assert (terms["trait:plan=trial"].mean, terms["trait:plan=trial"].scale) == (0.0, 1.0)
    assert terms["trait:seats"].mean == pytest.approx(9.5)


def test_a_trait_with_endless_values_does_not_make_the_model_endless() -> None:
    def told(numbers: range) -> list[TrainingExample]:
        return [example(it, it % 2, features={f"trait:plan={it}x": 1.0, "trait:team=a": 1.0}) for it in numbers]

    straight = taught(Learner.restore(None), told(range(300))).snapshot(2, 0.0)
    half = taught(Learner.restore(None), told(range(30))).snapshot(1, 0.0)
    assert taught(Learner.restore(half), told(range(30, 300))).snapshot(2, 0.0) == straight
    stated = [term.feature for term in straight.terms if term.feature.startswith("trait:")]
    assert stated == sorted([f"trait:plan={it}x" for it in range(VALUES)] + ["trait:team=a"])


def test_a_snapshot_fits_a_message_however_wide_leads_are() -> None:
    rng, learner = Random(9), Learner.restore(None)
    for at in range(1_200):
        features = {f"{name}_{turn}": rng.gauss(0, 1) for name in FEATURES for turn in (1, 2)}
        label = int(features["seniority_1"] * features["seniority_2"] > 0.1)
        learner.learn(example(at, label, features=features, bucket=0, buckets=4))
    snapshot = learner.snapshot(1, 0.0)
    assert unpack(snapshot.classifier).grove.forest.roots
    assert len(msgpack.encode(snapshot)) < 1_000_000  # a broker's own bound: 1,048,588
