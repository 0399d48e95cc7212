"""Which model scores: the newest that may be taken, or the one that people pinned; nothing bad changes that."""

from math import nan

import pytest
from msgspec.structs import replace

from schemas.codec import Codec
from schemas.learning import ModelPin, ModelSnapshot
from schemas.registry import FileRegistry
from streams import metrics
from streams.cards import card
from streams.domain.learning import Learner
from streams.domain.snapshots import LARGEST, NEWEST, SCORECARD, sign, sign_pin
from streams.models import Models

KEY = b"a key of tests only"
CODEC = Codec(FileRegistry())
LEARNED = Learner.restore(None).snapshot(1, 0.0)


def model(version: int, **changed: object) -> ModelSnapshot:
    return sign(replace(LEARNED, version=version, **changed), KEY)


def pin(number: int, version: int, key: bytes = KEY) -> bytes:
    snapshot = model(version) if version > 0 else None
    unsigned = ModelPin(number=number, kind="conversion", version=version, at=0.0, snapshot=snapshot)
    return CODEC.encode(sign_pin(unsigned, key))


@pytest.fixture
def models() -> Models:
    return Models({}, CODEC, KEY, card())


def offer(models: Models, *versions: int) -> None:
    for version in versions:
        models.offer(CODEC.encode(model(version)))


def refused(why: str) -> float:
    (family,) = metrics.MODELS_REFUSED.labels(why).collect()
    return next(sample.value for sample in family.samples if sample.name.endswith("_total"))


def test_the_scorecard_scores_until_there_is_a_model(models: Models) -> None:
    assert (models().version, models().led_by) == (0, "card")
    offer(models, 1, 2)
    assert models().version == 2


def test_a_pinned_version_scores_while_others_are_learned(models: Models) -> None:
    offer(models, 5)
    models.heed(pin(1, 3))
    offer(models, 6)
    assert models().version == 3
    models.heed(pin(2, NEWEST))
    assert models().version == 6


def test_the_scorecard_can_be_pinned(models: Models) -> None:
    offer(models, 5)
    models.heed(pin(1, SCORECARD))
    assert models().version == 0


def test_the_pin_of_the_highest_number_holds(models: Models) -> None:
    models.heed(pin(2, 7))
    before = refused("older")
    models.heed(pin(1, 4))
    assert models().version == 7
    assert refused("older") == before + 1


def test_a_pin_that_we_did_not_sign_changes_nothing(models: Models) -> None:
    before = refused("unsigned")
    models.heed(pin(1, 4, b"another key, not ours"))
    assert models().version == 0
    assert refused("unsigned") == before + 1


BAD = {
    "undecodable": b"garbage",
    "tombstone": None,
    "oversize": b"\x00" * (LARGEST + 1),
    "unsigned": CODEC.encode(replace(model(9), intercept=1.0)),
    "older": CODEC.encode(model(2)),
    "impossible": CODEC.encode(model(9, intercept=nan)),
    "truncated": CODEC.encode(model(9))[:-40],
}


@pytest.mark.parametrize("why", BAD)
def test_the_last_good_model_goes_on_scoring_and_what_was_refused_is_counted(models: Models, why: str) -> None:
    offer(models, 4)
    reason = {"truncated": "undecodable"}.get(why, why)
    before = refused(reason)
    models.offer(BAD[why])
    assert models().version == 4
    assert refused(reason) == before + 1
    offer(models, 5)
    assert models().version == 5
