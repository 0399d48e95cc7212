"""The figures a model is judged by."""

from math import log
from random import Random

import pytest

from streams.domain.metrics import WINDOW, Record


def area(pairs: list[tuple[float, int]]) -> float:
    """The AUC by its definition: over all pairs, a tie is half."""
    won, lost = ([score for score, label in pairs if label is want] for want in (1, 0))
    return sum((w > v) + (w == v) / 2 for w in won for v in lost) / (len(won) * len(lost))


def test_the_auc_is_that_of_all_pairs_of_the_window() -> None:
    rng = Random(7)
    pairs = [(round(rng.random(), 2), int(rng.random() < 0.3)) for _ in range(WINDOW + 200)]
    record = Record()
    for score, label in pairs:
        record.see(score, label)
    assert record.figures()["auc"] == pytest.approx(area(pairs[-WINDOW:]), abs=1e-12)
    assert Record(record.n, record.loss, record.recent).figures() == record.figures()


def test_the_log_loss_is_the_mean_over_all_labels() -> None:
    record = Record()
    record.see(0.8, 1)
    record.see(0.5, 0)
    assert record.figures()["log_loss"] == pytest.approx(-(log(0.8) + log(0.5)) / 2)


def test_the_calibration_error_is_how_far_what_was_said_lies_from_what_came_in_ten_equal_parts() -> None:
    record = Record()
    for at in range(100):
        record.see(0.1 if at < 50 else 0.7, int(at % 5 == 0))
    assert record.figures()["ece"] == pytest.approx((0.1 + 0.5) / 2)


def test_certainty_that_was_wrong_is_a_large_loss_not_an_error() -> None:
    record = Record()
    record.see(0.0, 1)
    assert 30 < record.figures()["log_loss"] < 40


def test_one_kind_of_label_alone_says_nothing() -> None:
    record = Record()
    record.see(0.9, 1)
    assert record.figures()["auc"] == 0.5
