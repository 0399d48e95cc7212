"""Which models are taken."""

from math import nan

import pytest
from msgspec.structs import fields, replace

from schemas.learning import ModelPin, ModelSnapshot, Term
from streams.domain.learning import Learner
from streams.domain.snapshots import (
    LARGEST,
    NEWEST,
    SCORECARD,
    Refusal,
    pin_refusal,
    refusal,
    sign,
    sign_pin,
    verify,
)

KEY = b"key"


def model(**changed: object) -> ModelSnapshot:
    return sign(replace(Learner.restore(None).snapshot(3, 0.0), **changed), KEY)


def test_our_newer_model_is_taken() -> None:
    assert refusal(model(), KEY, than=2) is None


@pytest.mark.parametrize("name", [field.name for field in fields(ModelSnapshot)])
def test_a_change_of_any_field_breaks_the_signature(name: str) -> None:
    good = model()
    other = {
        "terms": [Term(feature="x", mean=0.0, scale=1.0, weight=1.0)],
        "metrics": {"auc": 1.0},
        "kind": "x",
        "learner": b"{}",
        "signature": b"",
    }
    assert not verify(replace(good, **{name: other.get(name, 99)}), KEY)


def test_a_model_signed_with_another_key_is_refused() -> None:
    assert refusal(model(), b"other", than=0) is Refusal.UNSIGNED


@pytest.mark.parametrize("have", [3, 4])
def test_a_model_that_is_not_newer_is_refused(have: int) -> None:
    assert refusal(model(), KEY, than=have) is Refusal.OLDER


@pytest.mark.parametrize(
    "changed",
    [
        {"intercept": nan},
        {"terms": [Term(feature="x", mean=0.0, scale=1.0, weight=nan)]},
        {"terms": [Term(feature="x", mean=0.0, scale=-1.0, weight=1.0)]},
        {"terms": [Term(feature="x", mean=0.0, scale=1.0, weight=1.0)] * 2},
    ],
    ids=str,
)
def test_what_cannot_be_a_model_is_refused_even_signed(changed: dict[str, object]) -> None:
    assert refusal(model(**changed), KEY, than=0) is Refusal.IMPOSSIBLE


def test_an_enormous_learner_is_refused_unread() -> None:
    assert refusal(model(learner=b"x" * (LARGEST + 1)), KEY, than=0) is Refusal.OVERSIZE


def pin(version: int = 3, **changed: object) -> ModelPin:
    snapshot = model() if version > 0 else None
    return sign_pin(
        replace(ModelPin(number=2, kind="conversion", version=version, at=1.0, snapshot=snapshot), **changed), KEY
    )


@pytest.mark.parametrize("version", [3, SCORECARD, NEWEST])
def test_our_newer_pin_is_taken(version: int) -> None:
    assert pin_refusal(pin(version), KEY, than=1) is None


@pytest.mark.parametrize("name", [field.name for field in fields(ModelPin)])
def test_a_change_of_any_field_of_a_pin_breaks_its_signature(name: str) -> None:
    other = {"snapshot": None, "kind": "x", "why": "x", "signature": b""}
    assert pin_refusal(replace(pin(), **{name: other.get(name, 99)}), KEY, than=1) is Refusal.UNSIGNED


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (pin(number=1), Refusal.OLDER),
        (pin(snapshot=None), Refusal.IMPOSSIBLE),
        (pin(version=4, snapshot=model()), Refusal.IMPOSSIBLE),
        (pin(-2), Refusal.IMPOSSIBLE),
        (pin(snapshot=model(intercept=nan)), Refusal.IMPOSSIBLE),
        (pin(snapshot=replace(model(), signature=b"x")), Refusal.UNSIGNED),
        (pin(snapshot=model(learner=b"x" * (LARGEST + 1))), Refusal.OVERSIZE),
    ],
    ids=lambda it: str(it) if isinstance(it, Refusal) else "",
)
def test_what_cannot_be_pinned_is_refused(given: ModelPin, why: Refusal) -> None:
    assert pin_refusal(given, KEY, than=1) is why
