"""How a part becomes a raw event: the same for all that write to `events.*`, whichever way the part came."""

from connectors.sources.contract import Part
from schemas.person import Fields, seal
from schemas.records import RawEvent

__all__ = ["wrapped"]


def wrapped(
    source: str, part: Part, received_at: float, *, ip: str = "", user_agent: str = "", gpc: bool = False
) -> RawEvent:
    """Return the raw event of a part.

    `ip` (a network, truncated) and `user_agent` are the sender's; an anonymous part is kept without the address. Of
    what came by another way than a request there is neither.
    """
    fields: Fields = {"body": part.body, "ip": "" if part.anonymous else ip, "user_agent": user_agent}
    if part.envelope:
        fields["envelope"] = part.envelope
    person, person_key = seal(fields)
    return RawEvent(
        event_id=part.event_id,
        source=source,
        endpoint=part.endpoint,
        key=part.key,
        received_at=received_at,
        gpc=gpc,
        person=person,
        person_key=person_key,
    )
