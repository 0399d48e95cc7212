"""Heads that learn from closed buckets: what they say before, while and after labels come."""

import pytest

from streams.domain.hazards import ENDS_S, Hazards, X
from tests.delays import Head

USUAL: X = {"one": 1.0, "a": 0.0, "b": 0.0, "quick": 0.0}


def test_a_longer_time_never_has_a_smaller_chance() -> None:
    heads = Hazards(Head)
    for at in range(400):
        heads.learn_one(USUAL | {"a": at % 7 - 3.0}, at % 4, at % 5 == 0)
        chances = heads.chances(USUAL | {"a": at % 5 - 2.0})
        assert chances == sorted(chances)
        assert 0.0 <= chances[0] <= chances[-1] <= 1.0


def test_before_late_buckets_close_they_are_expected_to_go_on_as_the_early_ones() -> None:
    heads = Hazards(Head)
    assert heads.predict_proba_one(USUAL)[True] > heads.chances(USUAL)[0]
    for at in range(2000):
        heads.learn_one(USUAL, 0, at % 10 == 0)
    three, *_, thirty = heads.chances(USUAL)
    assert three == pytest.approx(0.1, abs=0.02)
    assert thirty == pytest.approx(1 - 0.9**10, abs=0.1)


def test_each_head_learns_its_own_bucket_and_they_add_up() -> None:
    heads, every = Hazards(Head), (5, 10, 12, 25)
    for at in range(1500):
        for bucket, one_in in enumerate(every):
            heads.learn_one(USUAL, bucket, at % one_in == 0)
    left = 1.0
    for one_in, chance in zip(every, heads.chances(USUAL), strict=True):
        left *= 1 - 1 / one_in
        assert chance == pytest.approx(1 - left, abs=0.06)


def test_there_is_a_head_for_each_bucket() -> None:
    assert len(Hazards(Head).chances(USUAL)) == len(ENDS_S)
