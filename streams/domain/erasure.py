"""Erasure: what is left of a lead that has asked to be forgotten, and what it takes to know it again.

A stub is left: when that was, that nothing is allowed, and two numbers that only rise. It keeps out what happened
before, however late it comes, and what comes after, until they allow something again and say themselves who they are.
"""

from math import inf

from schemas.erased import allows_again, is_erased
from schemas.keys import RANK, rank
from schemas.records import Consent, Kind, LeadProfile, Outcome, Touchpoint
from streams.domain import seen
from streams.domain.consent import PURPOSES, may_keep
from streams.domain.profile import DAY_S, portrayed


def stub(lead: LeadProfile, at: float, wish: bytes = b"") -> LeadProfile:
    """Return what is left of a lead that is erased as of `at`, seconds since the epoch. `version` rises by one.

    `wish` = the entry of who asked for it: two may ask at the same moment, and each is heeded once.
    """
    denied = Consent(granted=False, at=at)
    return LeadProfile(
        lead_id=lead.lead_id,
        version=lead.version + 1,
        route_seq=lead.route_seq,
        consent={str(purpose): denied for purpose in sorted(PURPOSES)},
        seen=seen.add(lead.seen if lead.erased_at == at else b"", wish),
        erased_at=at,
    )


def lets_in(lead: LeadProfile, told: Touchpoint | Outcome) -> bool:
    """Tell whether a lead that was erased takes in what it is told."""
    if told.occurred_at == lead.erased_at and isinstance(told, Touchpoint) and told.kind is Kind.ERASURE:
        return not seen.has(lead.seen, seen.entry(told.id, told.digest))
    if told.occurred_at <= lead.erased_at:
        return False
    if not is_erased(lead):
        return True
    return isinstance(told, Touchpoint) and (told.kind is Kind.ERASURE or _returns(lead, told))


def spared(lead: LeadProfile, at: float) -> LeadProfile:
    """Return the very same lead when it holds nothing from before the erasure `at` (0 = there was none), else its stub.

    Two leads turn out to be one person, and one of them was erased: so that is asked of both.
    """
    return lead if lead.erased_at >= at or begins_after(lead, at) else stub(lead, at)


def begins_after(lead: LeadProfile, at: float) -> bool:
    """Tell whether a lead allows something, and holds nothing from before `at`."""
    return oldest(lead) > at and any(stated.granted for stated in lead.consent.values())


def oldest(lead: LeadProfile) -> float:
    """Return when the oldest of what is known of a lead happened or was stated; infinity when nothing is.

    What an erasure has left is nothing: it denied all there was to allow.
    """
    stated = [it.at for kept in (lead.traits, lead.consent) for it in kept.values() if it.at > lead.erased_at]
    days = [(it.day + 1) * DAY_S for it in lead.days[:1]]  # the whole day: no more is known
    at = (lead.first_seen, lead.stage_at, *stated, *days, *portrayed(lead))
    return min((it for it in at if it), default=inf)


def names(lead: LeadProfile) -> tuple[str, ...]:
    """Return the ids as whom subscribers have been told of a lead."""
    return lead.lead_id, *lead.known_as


def _returns(lead: LeadProfile, touch: Touchpoint) -> bool:
    """Tell whether they come back."""
    return allows_again(touch, by_device=rank(lead.lead_id) < RANK["p"]) and may_keep(touch.consent)
