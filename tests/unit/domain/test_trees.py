"""The trees beside the pool: what they alone can tell, the same bits with and without a compiler, exact reasons."""

from array import array
from collections.abc import Iterator
from itertools import islice
from math import inf, nan
from random import Random
from typing import Any

import numpy as np
import pytest

from streams.domain.learner import plain, sums
from streams.domain.learner.classifier import LeadClassifier
from streams.domain.learner.forest import LEAVES
from streams.domain.learner.grove import FIRST
from streams.domain.learner.kernel import COMPILED, KERNEL
from streams.domain.learner.plain import MISSING, TEXT, WIDEST
from streams.domain.learner.state import Unreadable, pack, unpack
from streams.domain.learner.trees import grow
from streams.evaluation.figures import auc

compiled = pytest.mark.skipif(not COMPILED, reason="no C compiler when this was set up")
Tree = tuple["array[int]", "array[int]", "array[float]", "array[int]", "array[float]"]


def rings(seed: int) -> Iterator[tuple[dict[str, Any], bool]]:
    """Who converts lies on a ring of two numbers, which one of two plans turns inside out; some numbers are missing."""
    rng = Random(seed)
    while True:
        x: dict[str, Any] = {"a": rng.gauss(0, 1), "b": rng.gauss(0, 1), "plan": rng.choice(["trial", "free"])}
        outside = x["a"] ** 2 + x["b"] ** 2 > 1.4
        y = (outside != (x["plan"] == "free")) if rng.random() < 0.95 else rng.random() < 0.5
        if rng.random() < 0.1:
            del x["b"]
        yield x, y


def taught(number: int, **given: Any) -> LeadClassifier:
    model = LeadClassifier(**given)
    for x, y in islice(rings(1), number):
        model.learn_one(x, y)
    return model


def ranked(model: LeadClassifier) -> float:
    asked = list(islice(rings(2), 600))
    return auc([model.logit(x) for x, _ in asked], [int(y) for _, y in asked])


def one_split() -> Tree:
    """If field 1 ≤ 2.5 then -1 else +1."""
    return (
        array("i", [0]),
        array("i", [1, -1, -1]),
        array("f", [2.5, 0, 0]),
        array("i", [1, 0, 0]),
        array("d", [0, -1, 1]),
    )


def test_trees_tell_what_the_pool_cannot() -> None:
    pool, both = ranked(taught(1500, room=0)), ranked(taught(1500))
    assert 1.0 - both < 0.75 * (1.0 - pool)


def test_the_same_rows_make_the_same_trees_whatever_lies_between() -> None:
    whole, half = LeadClassifier(bits=10), LeadClassifier(bits=10)
    for at, (x, y) in enumerate(islice(rings(3), 3 * FIRST)):
        whole.learn_one(x, y, 0.5)
        half.learn_one(x, y, 0.5)
        if at % 70 == 0:
            half = LeadClassifier.restored(unpack(pack(half.state())))
    assert whole.state().grove.forest.roots
    assert pack(half.state()) == pack(whole.state())


@pytest.mark.parametrize("asked", [{"a": 0.1, "b": 2.0, "plan": "free"}, {"a": -1.0}, {}, {"new": "x", "b": nan}])
def test_points_and_bias_sum_to_the_log_odds_also_of_features_that_a_lead_has_not(asked: dict[str, Any]) -> None:
    model = taught(1000)
    explained = model.frozen().explain(asked)
    assert explained.logit == pytest.approx(model.logit(asked), abs=1e-5)  # the frozen pool's weights are float32
    assert explained.bias + sum(explained.points.values()) == pytest.approx(explained.logit, abs=1e-9)
    assert {"a", "b", "plan"} <= explained.points.keys()


def test_a_drift_cuts_the_trees_down() -> None:
    model = taught(500)
    model.raise_steps()
    grove = model.state().grove
    assert not grove.forest.roots
    assert not grove.cells
    for x, y in islice(rings(4), FIRST):
        model.learn_one(x, not y)
    assert model.state().grove.forest.roots


def test_no_more_rows_are_kept_than_there_is_room_for() -> None:
    model, rng = LeadClassifier(bits=10, room=1000), Random(5)
    for at in range(300):
        model.learn_one({f"f{field}": rng.gauss(0, 1) for field in range(1 + at // 3)}, rng.random() < 0.5)
    grove = model.state().grove
    assert grove.width == WIDEST
    assert len(grove.cells) <= 1000
    assert len(grove.told) // 2 == 1000 // WIDEST


def test_nothing_grows_where_there_is_nothing_to_tell() -> None:
    same = [array("f", [1.0, MISSING])] * 200
    assert not grow(same, [float(at % 2) for at in range(200)], [1.0] * 200).roots
    assert not grow([array("f", [float(at)]) for at in range(200)], [0.0] * 200, [1.0] * 200).roots


def test_a_tree_has_no_more_leaves_than_it_may() -> None:
    rng = Random(6)
    rows = [array("f", [rng.random(), rng.choice([TEXT, TEXT * 1.5, MISSING])]) for _ in range(3000)]
    forest = grow(rows, [float((8 * row[0]) % 2 > 1) for row in rows], [1.0] * 3000)
    ends = [*forest.roots[1:], len(forest.splits)]
    assert forest.roots
    assert all(
        sum(split == -1 for split in forest.splits[root:end]) <= LEAVES
        for root, end in zip(forest.roots, ends, strict=True)
    )


@compiled
def test_the_compiled_climb_is_pythons_to_the_bit() -> None:
    rng, slots = Random(7), array("I", [0, 5, WIDEST - 1, WIDEST, 0xFFFFFFFF])
    values: tuple[Any, ...] = (
        1e300,
        -1e300,
        nan,
        inf,
        None,
        "",
        "Ä",
        "\ud800",
        "x" * 300,
        10**400,
        True,
        -0.0,
        1e-310,
        [],
        b"1",
        0.1,
    )
    for _ in range(200):
        given, said = tuple(rng.choice(values) for _ in slots), []
        for kernel in (plain, KERNEL):
            row = array("f", [MISSING]) * WIDEST
            kernel.row(given, slots, row)
            said.append(row)
        assert said[0] == said[1]
    forest = taught(1000).state().grove.forest
    for _ in range(200):
        row = array("f", (rng.choice([MISSING, rng.gauss(0, 1), TEXT * 1.25]) for _ in range(WIDEST)))
        one, other = array("d", bytes(8 * WIDEST)), array("d", bytes(8 * WIDEST))
        assert plain.climb(row, *forest, one) == KERNEL.climb(row, *forest, other) == plain.climb(row, *forest)
        assert one == other
        points = array("d", (rng.gauss(0, 1) for _ in slots)), array("d")
        points[1].extend(points[0])
        for kernel, each in zip((plain, KERNEL), points, strict=True):
            kernel.join(each, slots, one, 0.7, 0.3)
        assert points[0] == points[1]


@compiled
def test_the_compiled_sums_and_splits_are_numpys_to_the_bit() -> None:
    rng = np.random.default_rng(8)
    for fields in (1, 7, WIDEST):
        codes = rng.integers(0, sums.BINS, (500, fields), dtype=np.uint8)
        slopes, curves = rng.normal(size=500), rng.random(500) * rng.choice([0.01, 0.3], 500)
        usable = rng.random((fields, sums.BINS)) < 0.8
        for _ in range(20):
            rows, said = np.flatnonzero(rng.random(500) < rng.random()), []
            for kernel in (sums, KERNEL):
                first, second = np.zeros((fields, sums.BINS)), np.zeros((fields, sums.BINS))
                kernel.tally(codes, rows, slopes, curves, first, second)
                said.append((first.tolist(), second.tolist(), kernel.split(first, second, usable)))
            assert said[0] == said[1]
    nothing, all_of_it = np.zeros((2, sums.BINS)), np.ones((2, sums.BINS), dtype=bool)
    assert sums.split(nothing, nothing, all_of_it) == KERNEL.split(nothing, nothing, all_of_it)


@compiled
def test_the_compiled_sums_refuse_rows_that_are_not_there() -> None:
    codes, of, into = np.zeros((3, 2), dtype=np.uint8), np.zeros(3), np.zeros((2, sums.BINS))
    for rows in ([3], [-1]):
        with pytest.raises(ValueError):
            KERNEL.tally(codes, np.array(rows), of, of, into, into.copy())
    with pytest.raises(ValueError):
        KERNEL.tally(codes, np.array([0]), of, of[:2].copy(), into, into.copy())
    with pytest.raises(ValueError):
        KERNEL.split(into, into, np.zeros(5, dtype=bool))


@pytest.mark.parametrize("kernel", [plain, pytest.param(KERNEL, marks=compiled)], ids=["plain", "compiled"])
@pytest.mark.parametrize(
    ("array_", "at", "value"), [(0, 0, 3), (0, 0, -1), (1, 0, WIDEST), (3, 0, 0), (3, 0, 2), (3, 0, 99), (3, 0, -5)]
)
def test_a_climb_ends_whatever_the_trees_are(kernel: Any, array_: int, at: int, value: int) -> None:
    row, tree = array("f", [9.0]) * WIDEST, one_split()
    assert kernel.climb(row, *tree) == 1.0
    tree[array_][at] = value
    with pytest.raises(IndexError):
        kernel.climb(row, *tree)


@compiled
def test_the_compiled_climb_refuses_buffers_that_are_too_small() -> None:
    row, tree = array("f", [9.0]) * WIDEST, one_split()
    with pytest.raises(ValueError):
        KERNEL.climb(row[:-1], *tree)
    with pytest.raises(ValueError):
        KERNEL.climb(row, *tree, array("d", [0.0]))
    with pytest.raises(ValueError):
        KERNEL.climb(row, *tree[:4], array("d", [0.0]))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda it: it._replace(trust=array("d", [1, 1, 1, 1, 1, 0.5])), "trust"),
        (lambda it: it._replace(trust=array("d", [1, 1, 9, 1, 9, 1.5])), "trust"),
        (lambda it: it._replace(trust=array("d", [1, 1, 9, nan, 9, 0.5])), "finite"),
        (
            lambda it: it._replace(forest=it.forest._replace(children=array("i", bytes(4 * len(it.forest.splits))))),
            "trees",
        ),
        (lambda it: it._replace(forest=it.forest._replace(roots=array("i", [1 << 20]))), "trees"),
        (lambda it: it._replace(room=1), "impossible"),
        (lambda it: it._replace(room=1 << 30), "impossible"),
        (lambda it: it._replace(width=WIDEST + 1), "impossible"),
    ],
)
def test_a_state_whose_trees_are_none_is_refused(spoil: Any, why: str) -> None:
    state = taught(300, bits=10).state()
    with pytest.raises(Unreadable, match=why):
        unpack(pack(state._replace(grove=spoil(state.grove))))
