"""Quarantine: what waits there and why, and how it is let go on.

A released event is written again where it came from, marked so that it is not judged a second time; then the same
record of quarantine is written with the time of that. Whatever is interrupted may be done again: the pipeline knows an
event by its id.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from connectors.reading import everything
from connectors.sending import Sending
from connectors.settings import Connection
from connectors.sources import SOURCES, direct
from schemas.codec import Codec
from schemas.quarantine import Quarantined
from schemas.records import Channel, RawEvent
from schemas.registry import open_registry
from schemas.rejected import Rejected
from schemas.topics import EVENTS, QUARANTINE, Topic

__all__ = ["Released", "Wanted", "read", "release"]

MARKED_AT = 1_000  # events, after which it is noted that they are released


class Wanted(NamedTuple):
    """Which events are meant; an empty field asks for nothing. `since` is in seconds since the epoch."""

    sign: str = ""
    source: str = ""
    id: str = ""
    since: float = 0.0

    def includes(self, held: Quarantined) -> bool:
        """Tell whether an event is meant."""
        return (
            (not self.sign or self.sign in held.signs)
            and self.source in ("", held.event.source)
            and held.id.startswith(self.id)
            and held.held_at >= self.since
        )


class Released(NamedTuple):
    """What a release did: events by source, and those left out by why."""

    sent: Mapping[str, int]
    left: Mapping[str, int]


def read(settings: Connection, wanted: Wanted) -> Iterator[Quarantined]:
    """Return what waits in quarantine now, each event once. Raises `BrokerUnreachable`.

    An event that came several times is held several times; the newest record says whether it has been released.
    """
    codec = Codec(open_registry(settings.schema_registry_url or None), ["Quarantined"])
    met = {it.id for it in _records(settings, codec) if it.released_at}  # ids only: events may be many
    for found in _records(settings, codec):
        if found.id not in met and wanted.includes(found):
            met.add(found.id)
            yield found


def _records(settings: Connection, codec: Codec) -> Iterator[Quarantined]:
    for message in everything(settings, [QUARANTINE]):
        try:
            found = codec.decode(message.value(), (Quarantined,))
        except Rejected:
            continue
        if isinstance(found, Quarantined):
            yield found


def release(settings: Connection, wanted: Wanted, now: float, dry_run: bool = False) -> Released:
    """Let the events go on: each is written once more to its topic, marked; `dry_run` only counts.

    Raises `BrokerUnreachable`, `NotTakenError`.
    """
    codec = Codec(open_registry(settings.schema_registry_url or None), ["Quarantined", "RawEvent"])
    sent: Counter[str] = Counter()
    left: Counter[str] = Counter()
    done: list[Quarantined] = []
    with Sending(settings) as sending:
        for held in read(settings, wanted):
            topic = _topic(held.event)
            if topic is None:
                left["unknown_source"] += 1
                continue
            sent[held.event.source] += 1
            if dry_run:
                continue
            event = replace(held.event, released=True)
            sending.send(topic.name, event.key.encode(), codec.encode(event))
            done.append(held)
            if len(done) >= MARKED_AT:
                _mark(sending, codec, done, now)
        _mark(sending, codec, done, now)
    return Released(sent, left)


def _topic(event: RawEvent) -> Topic | None:
    """Return where an event belongs; None when nobody knows its source any more."""
    if event.source == direct.NAME:
        return EVENTS[Channel(event.endpoint)]
    source = SOURCES.get(event.source)
    return EVENTS[source.channel] if source else None


def _mark(sending: Sending, codec: Codec, done: list[Quarantined], now: float) -> None:
    """Note that these have been released, once the broker has them."""
    sending.flush()
    for held in done:
        sending.send(QUARANTINE.name, held.id.encode(), codec.encode(replace(held, released_at=now)))
    done.clear()
