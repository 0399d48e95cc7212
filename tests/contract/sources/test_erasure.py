"""A platform's wish that somebody be forgotten finds the lead it is about, and ends what may be done with them."""

import json

import pytest

from connectors.sources import SOURCES
from schemas.records import Kind, RawEvent, Touchpoint
from streams.agents.resolve import make_resolve
from streams.engine.fold import Fold
from tests.contract.sources.senders import GOLDEN, events_of, settings


def golden(path: str) -> list[RawEvent]:
    return events_of(path.partition("/")[0], json.loads((GOLDEN / path).read_text()))


def touches(events: list[RawEvent]) -> list[Touchpoint]:
    """What the events become, those that move to another key followed there."""
    adapters = {name: source.adapt for name, source in SOURCES.items()}
    fold = Fold(make_resolve(adapters, settings().pepper.get_secret_value()))
    found = []
    waiting = list(events)
    while waiting:
        for emit in fold.apply(0, waiting.pop(0)):
            if isinstance(emit.record, RawEvent):
                waiting.insert(0, emit.record)
            elif isinstance(emit.record, Touchpoint):
                found.append(emit.record)
    assert not fold.rejected
    return found


@pytest.mark.parametrize(
    "events",
    [
        golden("linkedin_ads/created.json") + golden("linkedin_ads/deleted.json"),
        [event for event in golden("hubspot/events.json") if event.endpoint in ("identity", "erasure")],
    ],
    ids=["LinkedIn", "HubSpot"],
)
def test_who_is_to_be_forgotten_is_the_lead_that_the_platform_told_of_and_nothing_is_allowed_any_more(
    events: list[RawEvent],
) -> None:
    known, forgotten = touches(events)
    assert forgotten.kind is Kind.ERASURE
    assert known.lead_id == forgotten.lead_id
    assert known.lead_id.startswith("e-")
    assert set(forgotten.consent.values()) == {False}
    assert set(forgotten.consent) == {"contact", "ads", "analytics", "store"}
    assert forgotten.person == b""


def test_of_somebody_unknown_nothing_is_kept_but_that_they_are_not_to_be_contacted() -> None:
    [forgotten] = touches(golden("linkedin_ads/deleted.json"))
    assert forgotten.lead_id.startswith("u-")
    assert (forgotten.weight, forgotten.consent["contact"], forgotten.traits) == (0.0, False, {})
