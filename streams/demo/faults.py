"""What goes wrong on the way in real life, on purpose: duplicates, late events, and events that nobody can use."""

import random

import msgspec

from streams.demo import payloads
from streams.demo.people import Person
from streams.demo.sends import Door, Event

HOUR, DAY = 3600.0, 86_400.0
DUPLICATE, LATE, BROKEN = 0.03, 0.02, 0.025
FAULTS = ("unparseable", "junk_id", "missing_id", "future", "ancient")
JUNK = ("null", "undefined", "0", "[object Object]")
ANCIENT, FUTURE = 915_148_800.0, 40 * 365.25 * DAY  # 1999-01-01; forty years from now
EXTRA = DUPLICATE + BROKEN


def disturb(events: list[Event], rng: random.Random) -> list[Event]:
    """Return the events with repeats, delays and bad neighbours among them; not yet in order again."""
    disturbed = []
    for event in events:
        late = event.kind == "page" and rng.random() < LATE
        disturbed.append(event._replace(at=event.at + rng.uniform(6 * HOUR, 2 * DAY), fault="late") if late else event)
        if rng.random() < DUPLICATE:
            disturbed.append(event._replace(at=event.at + rng.uniform(1.0, 6 * HOUR), fault="duplicate"))
    return disturbed


def broken(who: Person, at: float, number: int, rng: random.Random) -> Event:
    """Return an event that must end in a refusal or a dead letter; `fault` says why."""
    id_ = f"{who.visitor}-x{number}"
    fault = FAULTS[number % len(FAULTS)]  # in turn: a short run shows each of them
    if fault == "unparseable":
        return Event(at, Door.SEGMENT, "page", id_, b'{"type":"page","messageId":"' + id_.encode(), fault)
    if fault == "missing_id":
        body = {"type": "page", "messageId": id_, "timestamp": payloads.iso(at), "properties": {"path": "/"}}
        return Event(at, Door.SEGMENT, "page", id_, msgspec.json.encode(body), fault)
    if fault == "junk_id":
        who = who._replace(visitor=rng.choice(JUNK))
    said = {"future": at + FUTURE, "ancient": ANCIENT}.get(fault, at)
    return payloads.page(who._replace(consent=None, gpc=False), said, id_, "/")._replace(at=at, fault=fault)
