"""Learning while answers are still coming in is not biased; two ways that look as good are, and fail this test.

The world is that of `tests.delays`: the truth is known, delays depend on who it is, it drifts, and traffic may grow
fivefold. Bounds are against one who knew every outcome at once and learned with the same head.
"""

from collections.abc import Callable
from functools import cache

import pytest

from streams.evaluation.figures import auc
from tests.delays import (
    DRIFT,
    HORIZON,
    Imputed,
    Joined,
    OnArrival,
    Told,
    WithinAWeek,
    between,
    divergence,
    fifths,
    leads,
    ratio,
    told,
    within,
)

SEEDS, MANY, FEW = 5, 16_000, 6_000
NEVER = 1e9
WAYS: dict[str, Callable[[], Joined | WithinAWeek | OnArrival]] = {
    "joined": Joined,
    "imputed": Imputed,
    "within a week": WithinAWeek,
    "on arrival": OnArrival,
}
of_ours = pytest.mark.parametrize("way", ["joined", "imputed"])


@cache
def run(way: str, number: int, seeds: int, growth: float = 1.0, drift: float = DRIFT) -> list[Told]:
    return [it for seed in range(seeds) for it in told(leads(seed, number, growth, drift), WAYS[way])]


def oracle(it: Told) -> float:
    return it.oracle


def apart(part: list[Told]) -> float:
    """How far what was said is from what the oracle said, as a share of the truth."""
    return abs(ratio(part) - ratio(part, oracle))


def faults_when_steady(part: list[Told]) -> list[str]:
    """Which of the bounds of a steady world a way of learning does not keep."""
    kept = {
        "overall": apart(part) <= 0.04,
        "each fifth": all(apart(fifth) <= 0.10 for fifth in fifths(part)),
        "divergence": divergence(part) <= 1.5 * divergence(part, oracle),
        "quick and slow": all(apart([it for it in part if it.lead.quick is quick]) <= 0.05 for quick in (True, False)),
    }
    return [name for name, held in kept.items() if not held]


@pytest.mark.integration
@of_ours
def test_in_a_steady_world_hazards_keep_all_bounds_over_five_seeds(way: str) -> None:
    assert faults_when_steady(between(run(way, MANY, SEEDS, drift=NEVER), 60, 120)) == []


@pytest.mark.integration
@of_ours
def test_after_a_drift_hazards_rank_nearly_as_the_oracle_over_five_seeds(way: str) -> None:
    after = between(run(way, MANY, SEEDS), 75, 90)
    assert _auc(after, lambda it: it.said) >= _auc(after, oracle) - 0.02


@pytest.mark.integration
@of_ours
def test_hazards_stay_right_while_traffic_grows_fivefold_over_five_seeds(way: str) -> None:
    assert 0.9 <= ratio(between(run(way, MANY, SEEDS, growth=5.0), 30, 60)) <= 1.1


@of_ours
def test_hazards_stay_right_while_traffic_grows_fivefold(way: str) -> None:
    assert 0.8 <= ratio(between(run(way, FEW, 1, growth=5.0), 30, 60)) <= 1.2


def test_who_counts_all_as_lost_after_a_week_is_found_out() -> None:
    found = faults_when_steady(between(run("within a week", FEW, 1, drift=NEVER), 60, 120))
    assert {"overall", "divergence", "quick and slow"} <= set(found)


def test_who_learns_the_won_on_arrival_and_the_lost_on_time_out_is_found_out() -> None:
    assert ratio(between(run("on arrival", FEW, 1, growth=5.0), 30, 60)) > 1.5


def _auc(part: list[Told], of: Callable[[Told], float]) -> float:
    return auc([of(it) for it in part], [int(within(it.lead, HORIZON)) for it in part])
