"""Losses of a learner that is right raise no alarm; once the world has turned round they do, in all and by source."""

from math import exp
from random import Random

import pytest

from streams.domain.calibration import loss
from streams.domain.drift import Watch

TURNS = 12_000


def alarms(seed: int, number: int, turned: str) -> list[int]:
    """Return when losses were seen to rise, of one who knows the world before `TURNS`; then ads turn round, or all."""
    rng, watch, found = Random(seed), Watch(), []
    for at in range(number):
        by_ad = rng.random() < 0.3
        logit = 1.5 * rng.gauss(0.0, 1.4) - 1.0
        now = -logit if at >= TURNS and (by_ad or turned == "all") else logit
        label = int(rng.random() < 1.0 / (1.0 + exp(-now)))
        if watch.see(loss(logit, label), "ad" if by_ad else "other"):
            found.append(at)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_in_twelve_thousand_labels_of_the_same_world_there_is_no_false_alarm(seed: int) -> None:
    assert alarms(seed, TURNS, "all") == []


@pytest.mark.parametrize(("turned", "within"), [("all", 300), ("ads", 900)])
def test_a_world_that_turns_round_is_seen_within_so_many_labels(turned: str, within: int) -> None:
    assert TURNS < alarms(1, TURNS + 1500, turned)[0] <= TURNS + within
