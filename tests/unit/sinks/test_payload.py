"""What is in the body, and what goes first where it would be too large."""

import json

from msgspec.structs import replace

from connectors.sinks.payload import LARGEST, payload
from schemas.records import Candidate, ScoreReason
from tests.builders import routed

ROUTED = routed(
    decision_id="d1",
    candidates=[Candidate(owner="rep1")],
    reasons=[ScoreReason(feature="pricing_views_7d", value=3.0, points=1.2)],
    occurred_at=1_700_000_000.25,
    received_at=1_700_000_001.0,
)


def test_the_decision_is_told_in_full_with_the_person_in_the_clear() -> None:
    told = json.loads(payload(ROUTED, {"email": "jane@example.com"}))
    assert (told["type"], told["timestamp"]) == ("lead.routed", "2023-11-14T22:13:20.250Z")
    assert told["data"]["person"] == {"email": "jane@example.com"}
    assert told["data"]["reasons"] == [{"feature": "pricing_views_7d", "value": 3.0, "points": 1.2}]
    assert {"decision_id", "lead_id", "owner", "rule", "candidates", "stage"} <= told["data"].keys()
    assert "person_key" not in told["data"]


def test_the_same_decision_always_gives_the_same_bytes() -> None:
    assert payload(ROUTED, {"a": "b"}) == payload(ROUTED, {"a": "b"})


def test_a_long_answer_in_a_form_does_not_make_the_body_too_large() -> None:
    told = payload(ROUTED, {"email": "jane@example.com", "message": "x" * 30_000})
    assert len(told) < LARGEST
    assert json.loads(told)["data"]["person"] == {"email": "jane@example.com"}
    assert json.loads(told)["data"]["truncated"] is True


def test_whatever_is_large_the_decision_itself_gets_through() -> None:
    told = payload(ROUTED, {f"field_{n}": "y" * 200 for n in range(500)})
    assert len(told) < LARGEST
    assert json.loads(told)["data"]["decision_id"] == "d1"


def test_of_an_erasure_only_the_lead_and_the_time_are_told() -> None:
    told = json.loads(payload(replace(ROUTED, erased_at=1_700_000_000.25), {"email": "jane@example.com"}))
    assert told["type"] == "lead.erased"
    assert told["data"] == {"decision_id": "d1", "lead_id": "e-1", "route_seq": 1, "erased_at": 1_700_000_000.25}
