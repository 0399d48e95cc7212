"""The pipeline: River's own checks of its bins, what bends, and that nobody can make it large."""

from random import Random
from typing import Any

import pytest

from streams.domain.bins import EDGES, PLACES, ZERO, bin_of, binned
from streams.domain.pipeline import LogBins, Pipeline
from streams.domain.scoring import logistic
from tests.estimators import river_checks


@pytest.mark.parametrize("check", river_checks(LogBins()), ids=lambda it: it.__name__)
def test_the_bins_are_a_transformer_as_river_has_them(check: Any) -> None:
    check(LogBins())


def test_every_number_lies_in_the_bin_that_begins_at_its_edge() -> None:
    for at, edge in enumerate(EDGES):
        name = bin_of("pages", edge)
        if name:
            assert binned(name) == ("pages", at + 1)
        assert bin_of("pages", edge + 1e-9 * (1.0 + abs(edge))) == name
    assert [bin_of("pages", far) for far in (1e300, -1e300, float("inf"))] == ["", "", ""]
    assert list(EDGES) == sorted(EDGES)
    assert (EDGES[ZERO + 1], EDGES[ZERO + 3], len(EDGES)) == (1.0, 3.0, PLACES - 1)


@pytest.mark.parametrize("feature", ["pages", "trait:plan=paid", "#", "pages#", "#3", "pages#2^5", "pages#99999"])
def test_what_is_no_bin_is_not_taken_for_one(feature: str) -> None:
    assert binned(feature) == ("", 0)


def test_it_learns_what_rises_and_falls_again() -> None:
    """Who reads some pages converts; who reads none does not, nor who reads all: no straight line tells them apart."""
    rng, pipeline = Random(5), Pipeline()
    for _ in range(1_500):
        pages = float(rng.choice([0, 4, 40]))
        features = {"pages_30d": pages}
        pipeline.learn(pipeline.ready(features), float(rng.random() < (0.6 if pages == 4.0 else 0.1)), 1.0)
    none, some, all_of_them = (pipeline.chance(pipeline.seen({"pages_30d": pages})) for pages in (0.0, 4.0, 40.0))
    assert some > 2 * none
    assert some > 2 * all_of_them
    of_line = {term.feature: term for term in pipeline.terms()}["pages_30d"]
    assert abs(of_line.weight) < 1.0 < of_line.weight + sum(abs(it.weight) for it in pipeline.terms())


def test_whatever_numbers_come_a_feature_has_so_many_bins_and_no_more() -> None:
    rng, pipeline = Random(6), Pipeline()
    for _ in range(2_000):
        features = {"pages_30d": rng.choice([-1.0, 1.0]) * 10.0 ** rng.uniform(-9.0, 6.0)}
        pipeline.learn(pipeline.ready(features), 0.3, 1.0)
    assert len(pipeline.terms()) <= PLACES - 1
    assert 0.0 < logistic(pipeline.intercept) < 1.0


def test_looking_at_an_example_teaches_nothing() -> None:
    pipeline = Pipeline()
    pipeline.learn(pipeline.ready({"pages_30d": 3.0, "trait:plan=paid": 1.0}), 1.0, 1.0)
    before = pipeline.kept()
    pipeline.chance(pipeline.seen({"pages_30d": 9.0, "trait:plan=trial": 1.0, "new": 2.0}))
    assert pipeline.kept() == before
