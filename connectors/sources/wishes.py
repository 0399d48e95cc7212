"""Wishes to be forgotten, as `leadstream erase` writes them: one person, named by one identifier.

They come by a command, not by a request: there is no door, so the source is not among `SOURCES`.
"""

import msgspec

from connectors.sources.contract import Part
from connectors.sources.reading import decoded, erasure, key_of, open_raw
from schemas.keys import rank
from schemas.records import Channel, RawEvent
from schemas.rejected import Reason, Rejected
from schemas.sighting import Identifiers, Sighting

NAME, CHANNEL = "erasure", Channel.CRM

LEAD_ID = 26  # characters

_named = msgspec.json.Decoder(Identifiers)


def name(text: str) -> Identifiers:
    """Return whom a line of a list names: by address, +number or lead id, or else by user id.

    >>> name("jane@example.com").email, name("+44 20 7946 0958").phone, name("u-42").user, name("e-" + "0" * 24).lead
    ('jane@example.com', '+44 20 7946 0958', 'u-42', 'e-000000000000000000000000')
    """
    text = text.strip()
    if "@" in text:
        return Identifiers(email=text)
    if text.startswith("+"):
        return Identifiers(phone=text)
    return Identifiers(lead=text) if rank(text) >= 0 and len(text) == LEAD_ID else Identifiers(user=text)


def part(who: Identifiers, wish_id: str, pepper: bytes) -> Part:
    """Return a wish as a part; the same `wish_id` is the same wish."""
    key = who.lead or key_of(pepper, user=who.user, email=who.email, phone=who.phone, otherwise=wish_id)
    return Part(wish_id, "erase", key, msgspec.json.encode(who))


def adapt(raw: RawEvent) -> Sighting:
    """Return whom a wish is about. Raises `Rejected`."""
    who = decoded(_named, open_raw(raw)[0])
    if who.visitor or not any((who.user, who.email, who.phone, who.lead)):
        raise Rejected(Reason.MISSING_ID, "nobody is named")
    return erasure(raw, CHANNEL, who, raw.received_at)
