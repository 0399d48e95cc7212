"""Which scorer routes, when losses have risen, and whether a calibration helps."""

from math import exp
from random import Random

import pytest

from schemas.learning import TrainingExample
from streams.domain.calibration import NEUTRAL, Calibration
from streams.domain.contest import FEWEST, Contest
from streams.domain.drift import Adwin, Watch, psi
from streams.domain.learner.classifier import LeadClassifier
from streams.domain.learning import Learner
from streams.domain.scoring import CLASSIFIER, PIPELINE, Scorer, logistic
from tests.builders import example


def bent(number: int, seed: int = 1) -> list[TrainingExample]:
    """Leads of whom those in the middle convert: what no line through one feature can tell."""
    rng, made = Random(seed), []
    for at in range(number):
        pages, ad = rng.random() * 4.0, float(rng.random() < 0.5)
        keen = (1.0 < pages < 2.0) != bool(ad)
        features = {"pages_7d": pages, "came_by_ad": ad, "company_size": rng.gauss(1.0, 1.0)}
        made.append(example(at, int(rng.random() < (0.9 if keen else 0.05)), features=features, score=0.1))
    return made


def test_the_challenger_routes_once_it_is_better_beyond_doubt_and_not_before_enough_examples() -> None:
    learner, champions = Learner.restore(None), []
    for it in bent(1_100):
        learner.learn(it)
        champions.append(learner._champion)
    assert set(champions[: FEWEST - 1]) == {PIPELINE}
    assert champions[-1] == CLASSIFIER
    routed = Scorer(learner.snapshot(1, 0.0))
    keen, cold = ({"pages_7d": pages, "came_by_ad": 0.0, "company_size": 1.0} for pages in (1.5, 3.5))
    assert logistic(routed.score(keen).logit) > logistic(routed.score(cold).logit) + 0.1


def test_two_equal_scorers_are_left_where_they_are() -> None:
    for seed in range(20):
        rng, contest = Random(seed), Contest()
        for _ in range(3000):
            contest = contest.see(rng.random(), rng.random())
            assert not contest.won


def test_a_rise_of_losses_is_seen_soon_and_a_steady_stream_raises_no_alarm() -> None:
    for seed in range(3):
        rng, window = Random(seed), Adwin()
        assert not any(window.see(rng.expovariate(3.0)) for _ in range(12_000))
        assert any(window.see(rng.expovariate(1.5)) for _ in range(300))


def test_losses_that_fall_raise_no_alarm() -> None:
    rng, window = Random(1), Adwin()
    assert not any(window.see(rng.expovariate(1.0 if at < 2000 else 3.0)) for at in range(4000))


def test_a_rise_in_one_source_is_seen_though_the_others_hide_it() -> None:
    rng, watch, alone = Random(1), Watch(), Adwin()
    seen, hidden = [], []
    for at in range(6000):
        small = at % 20 == 0
        loss = rng.expovariate(0.5 if small and at > 3000 else 3.0)
        if watch.see(loss, "small" if small else "large"):
            seen.append(at)
        if alone.see(loss):
            hidden.append(at)
    assert 3000 < seen[0] < hidden[0]


def test_a_watch_that_was_kept_goes_on_as_it_was() -> None:
    rng, watch = Random(1), Watch()
    for at in range(500):
        watch.see(rng.random(), f"s{at % 3}")
    again = Watch(watch.kept())
    for _ in range(100):
        loss = rng.random()
        assert watch.see(loss, "s1") == again.see(loss, "s1")
    assert watch.kept() == again.kept()


def test_after_everything_was_turned_round_raised_steps_bring_it_back() -> None:
    def lost(raised: bool) -> float:
        rng, model = Random(2), LeadClassifier(bits=12)
        total = 0.0
        for at in range(4300):
            x = {f"f{field}": rng.gauss(0.0, 1.0) for field in range(6)}
            turned = -1.0 if at >= 4000 else 1.0
            y = rng.random() < 1.0 / (1.0 + exp(-3.0 * turned * (x["f0"] + x["f1"])))
            if at >= 4000:
                total += (model.predict_proba_one(x)[True] - y) ** 2
            if at == 4032 and raised:
                model.raise_steps()
            model.learn_one(x, y)
        return total

    assert lost(raised=True) < 0.7 * lost(raised=False)


def test_a_calibration_acts_only_while_it_helps() -> None:
    rng, sure, right = Random(1), Calibration(), Calibration()
    for _ in range(3000):
        logit = rng.gauss(0.0, 1.5)
        label = int(rng.random() < 1.0 / (1.0 + exp(-logit)))
        sure.see(2.5 * logit + 1.0, label, 1.0)
        right.see(logit, label, 1.0)
    scale, shift = sure.acting
    assert scale < 0.8
    assert shift < 0.0
    assert right.acting == NEUTRAL or right.acting == pytest.approx(NEUTRAL, abs=0.15)
    assert Calibration().acting == NEUTRAL
    assert Calibration(sure.kept()).acting == sure.acting


def test_leads_that_come_otherwise_than_before_are_seen_by_their_scores() -> None:
    rng = Random(1)
    before, same = [rng.random() for _ in range(500)], [rng.random() for _ in range(500)]
    assert psi(before, same) < 0.1
    assert psi(before, [it**3 for it in same]) > 0.25
    assert psi([], same) == 0.0
