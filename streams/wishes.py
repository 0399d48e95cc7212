"""Wishes to be forgotten: checked with the pipeline's own rules, sent, and followed until they are applied."""

import time
import uuid
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from connectors.reading import ends, everything
from connectors.sending import Sending
from connectors.settings import Connection, ImportSettings
from connectors.sources import wishes
from connectors.wrapping import wrapped
from schemas.codec import Codec
from schemas.records import RawEvent, RoutedLead
from schemas.registry import open_registry
from schemas.rejected import Rejected
from schemas.sighting import Identifiers
from schemas.topics import EVENTS, LEADS_ROUTED
from streams.agents.resolve import digest_of, read
from streams.domain.identity import Ids, known

__all__ = ["Asked", "Erased", "asked", "erased", "send", "since"]

AGAIN_S = 0.5
Spots = dict[tuple[str, int], int]


class Asked(NamedTuple):
    """A wish that can be sent: of which lead (by what is known without the pipeline), and its event."""

    lead_id: str
    event: RawEvent

    @property
    def cause(self) -> str:
        """As what the erasure names it, once it is applied."""
        return digest_of(wishes.NAME, self.event.event_id)


class Erased(NamedTuple):
    """A lead that subscribers have been told to forget, because of `cause`, so long after it was asked for."""

    cause: str
    lead_id: str
    after_s: float


def asked(who: Identifiers, pepper: bytes, now: float) -> Asked:
    """Return a new wish. Raises `Rejected` when nobody could ever be found by that."""
    event = wrapped(wishes.NAME, wishes.part(who, f"erase-{uuid.uuid4().hex}", pepper), now)
    found, ids = known(read({wishes.NAME: wishes.adapt}, event).identifiers), Ids(pepper)
    return Asked(ids.person(found) or ids.desk(found) or found.lead or ids.user(found), event)


def send(settings: ImportSettings, wanted: Iterable[Asked]) -> None:
    """Return when the broker has them all. Raises `NotTakenError`."""
    codec = Codec(open_registry(settings.schema_registry_url or None), ["RawEvent"])
    with Sending(settings) as sending:
        for one in wanted:
            sending.send(EVENTS[wishes.CHANNEL].name, one.event.key.encode(), codec.encode(one.event))


def since(settings: Connection) -> Spots:
    """Return where `erased` is to look from, when it is asked before `send`. Raises `BrokerUnreachable`."""
    return ends(settings, LEADS_ROUTED)


def erased(settings: Connection, wanted: Iterable[Asked], spots: Spots, patience_s: float) -> Iterator[Erased]:
    """Yield each lead as it is erased, until no wish is left or `patience_s` is over. Raises `BrokerUnreachable`."""
    codec = Codec(open_registry(settings.schema_registry_url or None), ["RoutedLead"])
    open_, until = {one.cause for one in wanted}, time.monotonic() + patience_s
    while True:
        met: set[str] = set()
        for message in everything(settings, [LEADS_ROUTED], spots):
            spots[message.topic() or "", message.partition() or 0] = (message.offset() or 0) + 1
            try:
                told = codec.decode(message.value(), (RoutedLead,))
            except Rejected:
                continue
            if isinstance(told, RoutedLead) and told.erased_at and told.cause in open_:
                met.add(told.cause)
                yield Erased(told.cause, told.lead_id, max(message.timestamp()[1] / 1000 - told.received_at, 0.0))
        open_ -= met
        if not open_ or time.monotonic() > until:
            return
        time.sleep(AGAIN_S)
