"""Losses of a learner that is right raise no alarm; once the world has turned round they do, in all and by source."""

from math import exp
from random import Random

import pytest

from streams.domain.calibration import loss
from streams.domain.drift import Watch
from streams.domain.learner.classifier import LeadClassifier
from streams.evaluation.figures import auc

TURNS = 12_000


def alarms(seed: int, number: int, turned: str) -> list[int]:
    """Return when losses were seen to rise, of one who knows the world before `TURNS`; then ads turn round, or all."""
    rng, watch, found = Random(seed), Watch(), []
    for at in range(number):
        by_ad, door = rng.random() < 0.3, rng.choice(("web", "email", "crm"))
        logit = 1.5 * rng.gauss(0.0, 1.4) - 1.0
        now = -logit if at >= TURNS and (by_ad or turned == "all") else logit
        label = int(rng.random() < 1.0 / (1.0 + exp(-now)))
        if watch.see(loss(logit, label), "ad" if by_ad else door):
            found.append(at)
    return found


def turned(seed: int) -> tuple[list[int], float]:
    """Return when a classifier took its world for another, which turned round at `TURNS`, and the AUC it lacked then.

    That is the AUC of the labels from the 300th to the 800th after the turn, beside that of the last 2,000 before it.
    """
    rng, watch, model, found = Random(seed), Watch(), LeadClassifier(bits=12), []
    said: list[float] = []
    labels: list[int] = []
    plans = {"a": 1.0, "b": 0.3, "c": -0.3, "d": -1.0}
    for at in range(TURNS + 800):
        numbers, plan = [rng.gauss(0.0, 1.0) for _ in range(8)], rng.choice("abcd")
        x = {"plan": plan} | {f"f{field}": number for field, number in enumerate(numbers)}
        ranks = 2.0 * numbers[0] + 1.5 * numbers[1] + numbers[2] + plans[plan]
        label = int(rng.random() < 1.0 / (1.0 + exp(1.5 + (ranks if at >= TURNS else -ranks))))
        logit = model.logit(x)
        if watch.see(loss(logit, label), "") == [""]:
            found.append(at)
            model.raise_steps()
        model.learn_one(x, label)
        said.append(logit)
        labels.append(label)
    before, after = slice(TURNS - 2_000, TURNS), slice(TURNS + 300, TURNS + 800)
    return found, auc(said[before], labels[before]) - auc(said[after], labels[after])


def test_a_classifier_whose_world_turns_round_ranks_nearly_as_before_after_three_hundred_labels() -> None:
    found, lacking = zip(*(turned(seed) for seed in range(5)), strict=True)
    assert all(len(alarms) == 1 and TURNS < alarms[0] <= TURNS + 100 for alarms in found)
    assert sum(lacking) / len(lacking) <= 0.02


@pytest.mark.parametrize("seed", range(3))
def test_in_twelve_thousand_labels_of_the_same_world_there_is_no_false_alarm(seed: int) -> None:
    assert alarms(seed, TURNS, "all") == []


@pytest.mark.parametrize(("turned", "within"), [("all", 300), ("ads", 900)])
def test_a_world_that_turns_round_is_seen_within_so_many_labels(turned: str, within: int) -> None:
    assert TURNS < alarms(1, TURNS + 1500, turned)[0] <= TURNS + within
