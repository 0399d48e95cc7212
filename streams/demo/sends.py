"""What is sent: single events in their senders' bytes, packed into the HTTP requests that their senders would make."""

import random
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple


class Door(StrEnum):
    """Which of the collector's doors an event goes through."""

    SEGMENT = "segment"
    GOOGLE = "google"
    SENDGRID = "sendgrid"
    CRM = "crm"


class Event(NamedTuple):
    """One event as its sender writes it. `at` = when it is sent (s, UTC); it may have happened earlier, as `body` says.

    `fault` names what is wrong with it on purpose ("" = nothing). `gpc` = the browser sends `Sec-GPC: 1` with it.
    """

    at: float
    door: Door
    kind: str
    id: str
    body: bytes
    fault: str = ""
    gpc: bool = False


class Send(NamedTuple):
    """One HTTP request: where it goes, its body, and the ids of the events in it, in their order."""

    at: float
    door: Door
    path: str
    body: bytes
    ids: tuple[str, ...]
    gpc: bool = False


PATHS = {Door.GOOGLE: "/v1/google/lead", Door.SENDGRID: "/v1/sendgrid/events", Door.CRM: "/v1/outcomes"}
BATCH = 20
BATCHED = 0.35  # share of web events that start a server-side library's batch


def pack(events: Iterable[Event], rng: random.Random) -> Iterator[Send]:
    """Yield the requests that carry these events, in their order: nothing overtakes anything."""
    held: list[Event] = []
    room = 1
    for event in events:
        if held and (event.door is not held[0].door or len(held) >= room or alone(event) or alone(held[0])):
            yield request(held)
            held = []
        if not held:
            room = _room(event, rng)
        held.append(event)
    if held:
        yield request(held)


def alone(event: Event) -> bool:
    """Tell whether an event must have a request of its own.

    An unparseable one would take its neighbours with it, and a browser's opt-out header speaks for one visitor only.
    """
    return event.fault == "unparseable" or event.gpc


def request(events: list[Event]) -> Send:
    """Return the one request that carries these events of one door."""
    first = events[0]
    bodies = b",".join(event.body for event in events)
    if first.door is Door.SEGMENT:
        single = len(events) == 1
        path, body = (f"/v1/{first.kind}", bodies) if single else ("/v1/batch", b'{"batch":[' + bodies + b"]}")
    else:
        path, body = PATHS[first.door], b"[" + bodies + b"]" if first.door is Door.SENDGRID else bodies
    return Send(first.at, first.door, path, body, tuple(event.id for event in events), gpc=first.gpc)


def _room(event: Event, rng: random.Random) -> int:
    """Return how many events the request that starts with this one may hold."""
    if event.door is Door.SENDGRID:
        return BATCH
    if event.door is Door.SEGMENT and rng.random() < BATCHED:
        return rng.randint(2, BATCH)
    return 1
