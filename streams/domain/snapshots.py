"""Models travel signed: what we did not sign, what is older than ours, and what cannot be a model, is refused.

So do pins, which say what model scores: whoever can write to a topic is not thereby one who may choose the model.
"""

import hmac
from enum import StrEnum
from math import isfinite

from msgspec.msgpack import Encoder
from msgspec.structs import astuple, replace

from schemas.learning import ModelPin, ModelSnapshot
from streams.domain.learner.state import Unreadable, unpack
from streams.domain.scoring import CLASSIFIER, PIPELINE

HUGE = 1e6
LARGEST = 4 << 20  # bytes of learner state: a bound on what a stranger can make us parse
NEWEST, SCORECARD = -1, 0  # of a pin's versions, those that are no snapshot's
_canonical = Encoder(order="deterministic").encode


class Refusal(StrEnum):
    """Why a snapshot is not taken; the last good model goes on scoring."""

    UNSIGNED = "unsigned"  # the signature is not ours
    OLDER = "older"  # we have a newer one, or this one
    IMPOSSIBLE = "impossible"  # a weight is not finite, a scale negative, a feature named twice, a state no state
    OVERSIZE = "oversize"


def sign(snapshot: ModelSnapshot, key: bytes) -> ModelSnapshot:
    """Return the snapshot with its signature: HMAC-SHA256 over every other field."""
    return replace(snapshot, signature=_signature(snapshot, key))


def sign_pin(pin: ModelPin, key: bytes) -> ModelPin:
    """Return the pin with its signature, which covers the snapshot in it."""
    return replace(pin, signature=_signature(pin, key))


def verify(signed: ModelSnapshot | ModelPin, key: bytes) -> bool:
    """Tell whether the signature is ours."""
    return hmac.compare_digest(signed.signature, _signature(signed, key))


def refusal(snapshot: ModelSnapshot, key: bytes, than: int) -> Refusal | None:
    """Return why a snapshot must not replace the model of version `than`; None when it may."""
    if _size(snapshot) > LARGEST:
        return Refusal.OVERSIZE
    if not verify(snapshot, key):
        return Refusal.UNSIGNED
    if snapshot.version <= than:
        return Refusal.OLDER
    terms = snapshot.terms
    sound = isfinite(snapshot.intercept) and all(
        isfinite(it.mean + it.scale + it.weight) and it.scale >= 0 for it in terms
    )
    sound = sound and len({it.feature for it in terms}) == len(terms)
    sound = sound and 0.0 < snapshot.slope < HUGE and abs(snapshot.shift) < HUGE
    return None if sound and _readable(snapshot) else Refusal.IMPOSSIBLE


def pin_refusal(pin: ModelPin, key: bytes, than: int) -> Refusal | None:
    """Return why a pin must not replace the one of number `than`; None when it may. What it pins must be a model."""
    pinned = pin.snapshot
    if pinned is not None and _size(pinned) > LARGEST:
        return Refusal.OVERSIZE
    if not verify(pin, key):
        return Refusal.UNSIGNED
    if pin.number <= than:
        return Refusal.OLDER
    if pinned is None:
        return None if pin.version in (NEWEST, SCORECARD) else Refusal.IMPOSSIBLE
    return refusal(pinned, key, SCORECARD) if pinned.version == pin.version else Refusal.IMPOSSIBLE


def _size(snapshot: ModelSnapshot) -> int:
    return len(snapshot.learner) + len(snapshot.classifier)


def _readable(snapshot: ModelSnapshot) -> bool:
    if not snapshot.classifier:
        return snapshot.champion == PIPELINE
    try:
        unpack(snapshot.classifier)
    except Unreadable:
        return False
    return snapshot.champion in {PIPELINE, CLASSIFIER}


def _signature(signed: ModelSnapshot | ModelPin, key: bytes) -> bytes:
    return hmac.digest(key, _canonical(astuple(replace(signed, signature=b""))), "sha256")
