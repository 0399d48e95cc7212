"""Records with sensible values, so that a test shows only what matters to it."""

from hashlib import blake2b
from typing import Any

from schemas.learning import TrainingExample
from schemas.person import Fields, seal
from schemas.records import Channel, Kind, LeadProfile, Outcome, OutcomeKind, RawEvent, RoutedLead, Stage, Touchpoint
from schemas.sighting import Identifiers, Sighting

__all__ = ["example", "hex_id", "outcome", "profile", "raw_event", "routed", "sighting", "touchpoint"]

NOON = 1_790_000_000.0
Changed = Any  # a field's new value: the record's own type check is msgspec's


def hex_id(text: str) -> str:
    """A record id made of a text: 128 bits in hex."""
    return blake2b(text.encode(), digest_size=16).hexdigest()


def routed(lead_id: str = "e-1", seq: int = 1, person: Fields | None = None, **changed: Changed) -> RoutedLead:
    """A decision; its id is made of lead and number."""
    sealed, key = seal(person or {})
    fields: dict[str, Changed] = {
        "decision_id": f"{lead_id}:{seq}",
        "lead_id": lead_id,
        "route_seq": seq,
        "account": "example.com",
        "stage": Stage.MQL,
        "destination": "sales",
        "owner": "rep1",
        "rule": "hot",
        "candidates": [],
        "score": 0.9,
        "fit": 0.5,
        "engagement": 0.4,
        "reasons": [],
        "model_version": 1,
        "cause": f"t{seq}",
        "consent": {"ads": True},
        "occurred_at": NOON + seq,
        "received_at": NOON + seq,
        "person": sealed,
        "person_key": key,
    }
    return RoutedLead(**(fields | changed))


def profile(lead_id: str = "e-1", version: int = 1, **changed: Changed) -> LeadProfile:
    """A lead that has been seen once."""
    fields: dict[str, Changed] = {"stage": Stage.LEAD, "first_seen": NOON, "last_seen": NOON, "touches": 1}
    return LeadProfile(lead_id=lead_id, version=version, **(fields | changed))


def touchpoint(lead_id: str = "e-1", number: int = 1, person: Fields | None = None, **changed: Changed) -> Touchpoint:
    """A page view, `number` seconds past noon; another lead or number is another touchpoint."""
    sealed, key = seal(person or {})
    at = changed.get("occurred_at", NOON + number)
    fields: dict[str, Changed] = {
        "id": hex_id(f"{lead_id} {number}"),
        "kind": Kind.PAGE,
        "channel": Channel.WEB,
        "occurred_at": at,
        "received_at": at,
        "person": sealed,
        "person_key": key,
    }
    return Touchpoint(lead_id=lead_id, **(fields | changed))


def outcome(kind: OutcomeKind, lead_id: str = "e-1", number: int = 1, **changed: Changed) -> Outcome:
    """What a CRM says, a thousand seconds past noon and more."""
    at = NOON + 1_000 + number
    fields: dict[str, Changed] = {"id": hex_id(f"{lead_id} {kind} {number}"), "occurred_at": at, "received_at": at}
    return Outcome(lead_id=lead_id, kind=kind, **(fields | changed))


def sighting(
    *, visitor: str = "", user: str = "", email: str = "", phone: str = "", lead: str = "", **changed: Changed
) -> Sighting:
    """A page view at noon, by whoever is named."""
    who = Identifiers(visitor=visitor, user=user, email=email, phone=phone, lead=lead)
    fields: dict[str, Changed] = {"id": "s1", "kind": Kind.PAGE, "channel": Channel.WEB, "occurred_at": NOON}
    return Sighting(identifiers=who, **(fields | changed))


def raw_event(key: str = "v-1", event_id: str = "s1", **changed: Changed) -> RawEvent:
    """An event received at noon."""
    fields: dict[str, Changed] = {"source": "site", "endpoint": "track", "received_at": NOON}
    return RawEvent(key=key, event_id=event_id, **(fields | changed))


def example(number: int, label: int = 1, **changed: Changed) -> TrainingExample:
    """An example with one feature, labelled `number` seconds past noon."""
    fields: dict[str, Changed] = {
        "features": {"active_days": float(number % 5)},
        "score": 0.5,
        "model_version": 0,
        "scored_at": NOON,
        "labelled_at": NOON + number,
    }
    return TrainingExample(id=hex_id(f"example {number}"), lead_id="e-1", label=label, **(fields | changed))
