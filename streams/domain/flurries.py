"""Which clicks in mails a security scanner makes: it tries every link within seconds, a person follows one.

How many links a mail has nobody tells us, so several different ones are taken for all. The first of them look like a
person's: they are let through, and taken back once the flurry shows. Clicks of the last minute are kept, in a row of
fixed size: of more than `ROOM` of them the oldest are forgotten, and a flurry among those is not seen.
"""

import zlib

from msgspec.structs import replace

from schemas.quarantine import Click, Crowd
from schemas.records import Channel, Kind, Touchpoint

LINKS = 3  # different ones
WITHIN_S = 3.0
ROOM, KEPT_S = 64, 60.0
REASON = "scanner clicks"


def clicked(crowd: Crowd | None, who: str, touch: Touchpoint) -> tuple[Crowd | None, tuple[Touchpoint, ...]]:
    """Return the crowd after a touchpoint of `who`, and what to tell of it: itself as it counts, behind what it undoes.

    What is undone is told again with weight 0, under its own id.
    """
    if touch.kind is not Kind.EMAIL_CLICK or not touch.page:
        return crowd, (touch,)
    crowd = crowd or Crowd()
    new = Click(
        who=who,
        link=zlib.crc32(touch.page.encode(errors="surrogatepass")),
        id=touch.id,
        lead_id=touch.lead_id,
        occurred_at=touch.occurred_at,
        received_at=touch.received_at,
        digest=touch.digest,
        counted=touch.weight > 0.0,
    )
    kept = [it for it in crowd.clicks if it.received_at >= new.received_at - KEPT_S and it.id != new.id]
    near = [it for it in kept if it.who == who and abs(it.occurred_at - new.occurred_at) <= WITHIN_S]
    if len({it.link for it in (*near, new)}) < LINKS:
        return replace(crowd, clicks=[*kept, new][-ROOM:]), (touch,)
    ids = {it.id for it in near}
    seen = [replace(it, counted=False) if it.id in ids else it for it in kept]
    undone = tuple([_undone(it) for it in near if it.counted])
    machine = replace(touch, weight=0.0, weight_reason=touch.weight_reason or REASON)
    return replace(crowd, clicks=[*seen, replace(new, counted=False)][-ROOM:]), (*undone, machine)


def _undone(click: Click) -> Touchpoint:
    """Return a click as a machine's, with nothing more than it takes to find it."""
    return Touchpoint(
        id=click.id,
        lead_id=click.lead_id,
        kind=Kind.EMAIL_CLICK,
        channel=Channel.EMAIL,
        occurred_at=click.occurred_at,
        received_at=click.received_at,
        digest=click.digest,
        weight=0.0,
        weight_reason=REASON,
    )
