"""Which models are taken."""

from math import nan

import pytest
from msgspec.structs import fields, replace

from schemas.records import ModelSnapshot, Term
from streams.domain.learning import Learner
from streams.domain.snapshots import LARGEST, Refusal, refusal, sign, verify

KEY = b"key"


def model(**changed: object) -> ModelSnapshot:
    return sign(replace(Learner.restore(None).snapshot(3, 0.0), **changed), KEY)


def test_our_newer_model_is_taken() -> None:
    assert refusal(model(), KEY, than=2) is None


@pytest.mark.parametrize("name", [field.name for field in fields(ModelSnapshot)])
def test_a_change_of_any_field_breaks_the_signature(name: str) -> None:
    good = model()
    other = {"terms": good.terms[1:], "metrics": {"auc": 1.0}, "kind": "x", "learner": b"{}", "signature": b""}
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
