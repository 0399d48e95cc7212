"""The lead classifier: River's own checks, the same bits with and without a compiler, what it learns, what it keeps."""

from array import array
from collections.abc import Iterable, Iterator
from math import inf, nan
from random import Random
from typing import Any

import pytest

from streams.domain.learner import plain
from streams.domain.learner.classifier import LeadClassifier
from streams.domain.learner.fields import FIELDS
from streams.domain.learner.kernel import COMPILED, KERNEL
from streams.domain.learner.state import LARGEST_HEADER, MAGIC, Unreadable, pack, unpack
from streams.domain.scoring import logistic
from tests.estimators import river_checks

compiled = pytest.mark.skipif(not COMPILED, reason="no C compiler when this was set up")


def leads(number: int, seed: int = 1) -> Iterator[tuple[dict[str, Any], bool]]:
    """Leads of whom those convert that saw many pages and are on trial, by and large; some values are missing."""
    rng = Random(seed)
    for _ in range(number):
        pages, plan = rng.randrange(12), rng.choice(["trial", "free", "paid"])
        keen = pages > 6 and plan == "trial"
        x = {"pages": pages, "plan": plan, "age": rng.gauss(40, 9), "ad": rng.random() < 0.3, "team": None}
        if rng.random() < 0.2:
            del x["age"]
        yield x, rng.random() < (0.8 if keen else 0.1)


def taught(number: int, **given: Any) -> LeadClassifier:
    model = LeadClassifier(**given)
    for x, y in leads(number):
        model.learn_one(x, y)
    return model


def chance(model: LeadClassifier, x: dict[str, Any]) -> float:
    return model.predict_proba_one(x)[True]


@pytest.mark.parametrize("check", river_checks(LeadClassifier(bits=10)), ids=lambda it: it.__name__)
def test_it_is_an_estimator_as_river_has_them(check: Any) -> None:
    check(LeadClassifier(bits=10))


@compiled
def test_the_compiled_arithmetic_is_pythons_to_the_bit() -> None:
    rng, n, bits, experts = Random(1), 70, 10, 3
    rates, pairs = array("d", (0.005, 0.02, 0.05)), array("d", (0.2, 6.0, 0.0))
    seeds, slots = array("Q", (rng.getrandbits(64) for _ in range(n))), array("I", range(n))
    room = plain.count(n)

    def fresh() -> tuple[Any, ...]:
        head = array("d", (-2.2,) * experts + (0.0,) * experts + (1 / experts,) * experts)
        table = array("f", bytes(8 * experts << bits))
        return array("d", bytes(24 * n)), array("I", bytes(4 * room)), array("d", bytes(8 * room)), table, head

    def told() -> Any:
        whole: tuple[Any, ...] = (rng.gauss(0, 1) ** 5, rng.randrange(40), None, "Ä", "\ud800", "x" * 300, 10**400)
        return rng.choice([*whole, nan, inf, -0.0, True, b"1", [], 1e-310, rng.random()])

    one, other = fresh(), fresh()
    for _ in range(40):
        values, label, weight = tuple(told() for _ in range(n)), rng.random() < 0.3, rng.random() + 0.01
        said = []
        for kernel, (stats, indices, factors, table, head) in ((plain, one), (KERNEL, other)):
            kernel.encode(values, seeds, slots, stats, bits, indices, factors)
            kernel.observe(values, slots, stats)
            kernel.step(indices, factors, n, table, head, rates, pairs, 0.005, 1.0, label, weight)
            weights, points = array("f", bytes(4 << bits)), array("d", bytes(8 * n))
            kernel.fold(table, head, weights)
            kernel.points((values,), seeds, slots, stats, bits, weights, points)
            said.append((kernel.blend(indices, factors, n, table, head), weights, points))
        assert said[0] == said[1]
        assert one == other


def test_the_points_of_many_leads_are_those_of_each_to_the_bit() -> None:
    model = taught(300)
    frozen, same = model.frozen(), [x for x, _ in leads(200, seed=7) if "age" in x]
    for kernel in {plain, KERNEL}:
        plan, of_one = frozen._fields.plan(same[0]), array("d", bytes(8 * len(same[0])))
        rows, of_all = tuple(plan.read(x) for x in same), array("d")
        for row in rows:
            kernel.points((row,), plan.seeds, plan.slots, model._fields.stats, model.bits, frozen.weights, of_one)
            of_all += of_one
        together = array("d", bytes(8 * len(of_all)))
        kernel.points(rows, plan.seeds, plan.slots, model._fields.stats, model.bits, frozen.weights, together)
        assert together == of_all
        kernel.points((), plan.seeds, plan.slots, model._fields.stats, model.bits, frozen.weights, array("d"))


@compiled
@pytest.mark.parametrize("short", range(7))
def test_the_compiled_points_refuse_what_does_not_fit(short: int) -> None:
    given = [
        ((1.0, 2.0),),
        array("Q", [1, 2]),
        array("I", [0, 1]),
        array("d"),
        4,
        array("f", bytes(64)),
        array("d", [0, 0]),
    ]
    KERNEL.points(*given)
    odd = {0: ((1.0, 2.0), (1.0,)), 3: 3, 4: 5}
    given[short] = odd.get(short, array("I"))
    with pytest.raises((ValueError, BufferError, TypeError)):
        KERNEL.points(*given)
    for rows in ([(1.0,)], (1.0,), ((1.0,) * 300,)):
        with pytest.raises((ValueError, TypeError)):
            KERNEL.points(rows, *given[1:])


@compiled
@pytest.mark.parametrize("short", range(7))
def test_the_compiled_arithmetic_refuses_buffers_that_are_too_small(short: int) -> None:
    given = [
        (1.0, 2.0),
        array("Q", [1, 2]),
        array("I", [0, 1]),
        array("d"),
        10,
        array("I", bytes(4 * plain.count(2))),
        array("d", bytes(8 * plain.count(2))),
    ]
    KERNEL.encode(*given)
    given[short] = {0: (1.0,) * 3, 3: array("d"), 4: 99}.get(short, array("I"))
    if short == 3:
        given[2], given[0] = array("I"), (1.0, 2.0)
    with pytest.raises((ValueError, BufferError)):
        KERNEL.encode(*given)


@compiled
def test_the_compiled_arithmetic_refuses_what_lies_outside_the_table() -> None:
    indices, factors, head = array("I", [0, 999, 0]), array("d", [1.0] * 3), array("d", (0.0, 0.0, 1.0))
    table, one = array("f", bytes(16)), array("d", [0.1])
    with pytest.raises(ValueError):
        KERNEL.blend(indices, factors, 1, table, head)
    with pytest.raises(ValueError):
        KERNEL.step(indices, factors, 1, table, head, one, one, 0.1, 1.0, True, 1.0)


def test_rows_of_one_lead_are_together_less_than_two_witnesses_for_an_expert() -> None:
    x = {"pages": 9, "plan": "trial"}

    def likelihoods(weights: Iterable[float]) -> list[float]:
        model = LeadClassifier()
        for weight in weights:
            model.learn_one(x, True, weight)
        experts = len(model.rates)
        return model.state().head[experts : 2 * experts].tolist()

    once, often = likelihoods([1.0]), likelihoods(n**-0.5 for n in range(1, 2_000))
    assert all(2 * told < again < told for told, again in zip(once, often, strict=True))


def test_it_learns_what_only_two_features_together_tell() -> None:
    model = taught(3000)
    asked = {"pages": 9, "plan": "trial", "age": 40.0, "ad": False, "team": None}
    assert chance(model, asked) > 0.6
    assert chance(model, {**asked, "plan": "free"}) < 0.25
    assert chance(model, {**asked, "pages": 1}) < 0.25


def test_before_anything_is_known_the_chance_is_the_prior() -> None:
    assert chance(LeadClassifier(prior=0.25), {"anything": 1}) == pytest.approx(0.25)
    assert chance(LeadClassifier(prior=0.25), {}) == pytest.approx(0.25)


def test_a_heavy_example_moves_as_far_as_its_label_and_not_beyond() -> None:
    model = LeadClassifier()
    model.learn_one({"pages": 3}, y=True, w=1e6)
    assert 0.5 < chance(model, {"pages": 3}) < 1.0


def test_an_example_of_twice_the_weight_moves_further() -> None:
    light, heavy = LeadClassifier(), LeadClassifier()
    light.learn_one({"pages": 3}, y=True, w=0.5)
    heavy.learn_one({"pages": 3}, y=True, w=1.0)
    assert chance(LeadClassifier(), {}) < chance(light, {"pages": 3}) < chance(heavy, {"pages": 3})


def test_after_the_steps_were_raised_one_label_moves_it_further() -> None:
    asked = {"pages": 9, "plan": "trial"}
    calm, raised = taught(2000), taught(2000)
    raised.raise_steps()
    for model in (calm, raised):
        model.learn_one(asked, y=False)
    assert chance(raised, asked) < chance(calm, asked)


def test_when_the_steps_are_raised_those_of_the_longest_keep_what_they_know() -> None:
    raised = taught(500)
    before = raised.state().table
    raised.raise_steps()
    after, experts = raised.state().table, len(raised.rates)
    for expert, rate in enumerate(raised.rates):
        kept = before[expert :: 2 * experts] if rate == max(raised.rates) else array("f", bytes(4 << raised.bits))
        assert after[expert :: 2 * experts] == kept


def test_fields_beyond_the_bound_are_not_looked_at() -> None:
    model, wide = LeadClassifier(), {f"f{at:04}": float(at) for at in range(FIELDS + 50)}
    model.learn_one(wide, y=True)
    assert len(model.state().names) == FIELDS
    assert chance(model, wide) == chance(model, {**wide, f"f{FIELDS + 9:04}": 1e9})


def test_restored_from_its_bytes_it_goes_on_bit_for_bit() -> None:
    whole, half = LeadClassifier(bits=12), LeadClassifier(bits=12)
    for at, (x, y) in enumerate(leads(400)):
        whole.learn_one(x, y)
        half.learn_one(x, y)
        if at == 137:
            half = LeadClassifier.restored(unpack(pack(half.state())))
    assert pack(half.state()) == pack(whole.state())


def test_a_frozen_copy_says_what_the_learner_says_and_does_not_change() -> None:
    model = taught(1000)
    asked = {"pages": 9, "plan": "trial", "age": 30.0, "never_seen": "x"}
    frozen = model.frozen()
    before = frozen.explain(asked)
    assert logistic(before.logit) == pytest.approx(chance(model, asked), abs=1e-6)
    for x, y in leads(100, seed=2):
        model.learn_one(x, not y)
    assert frozen.explain(asked) == before


def test_its_state_and_its_frozen_copy_are_small() -> None:
    model, rng = LeadClassifier(), Random(3)
    for at in range(1500):
        model.learn_one({f"f{field}": rng.gauss(0, 9) for field in range(30)}, at % 2 == 0)
    assert len(pack(model.state())) < 1 << 20
    assert len(model.frozen().weights.tobytes()) <= 1 << 17


@pytest.mark.parametrize(
    ("spoilt", "why"),
    [
        (lambda _: b"", "begin"),
        (lambda it: b"PICK" + it[4:], "begin"),
        (lambda it: it[:-1], "as long as"),
        (lambda it: it + b"x", "as long as"),
        (lambda it: MAGIC + (LARGEST_HEADER + 1).to_bytes(4, "little") + it[8:], "too long"),
        (lambda _: MAGIC + (2).to_bytes(4, "little") + b"{}", "header"),
        (lambda it: it.replace(b'"bits":12', b'"bits":63'), "impossible"),
        (lambda it: it.replace(b'"prior":0.1', b'"prior":1.1'), "impossible"),
        (lambda it: it.replace(b'"age"', b'"ad" ', 1), "impossible"),
        (lambda it: it[:-8] + b"\x00\x00\x00\x00\x00\x00\xf8\x7f", "finite"),
    ],
)
def test_what_is_no_state_is_refused(spoilt: Any, why: str) -> None:
    good = pack(taught(50, bits=12).state())
    with pytest.raises(Unreadable, match=why):
        unpack(spoilt(good))
