"""Erasure: what is left of a lead that has asked to be forgotten, and what it takes to know it again.

A stub is left: when that was, that nothing is allowed, and two numbers that only rise. It keeps out what happened
before, however late it comes, and what comes after, until they allow something again and say themselves who they are.
"""

from schemas.erased import is_erased
from schemas.keys import RANK, rank
from schemas.records import Consent, Kind, LeadProfile, Outcome, Touchpoint
from streams.domain.consent import PURPOSES, may_keep


def stub(lead: LeadProfile, at: float) -> LeadProfile:
    """Return what is left of a lead that is erased as of `at`, seconds since the epoch. `version` rises by one."""
    denied = Consent(granted=False, at=at)
    return LeadProfile(
        lead_id=lead.lead_id,
        version=lead.version + 1,
        route_seq=lead.route_seq,
        consent={str(purpose): denied for purpose in sorted(PURPOSES)},
        erased_at=at,
    )


def lets_in(lead: LeadProfile, told: Touchpoint | Outcome) -> bool:
    """Tell whether a lead that was erased takes in what it is told."""
    if told.occurred_at <= lead.erased_at:
        return False
    if not is_erased(lead):
        return True
    return isinstance(told, Touchpoint) and (told.kind is Kind.ERASURE or _returns(lead, told))


def spared(lead: LeadProfile, at: float) -> LeadProfile:
    """Return the very same lead when it holds nothing from before the erasure `at` (0 = there was none), else its stub.

    Two leads turn out to be one person, and one of them was erased: so that is asked of both.
    """
    if lead.erased_at >= at or (lead.first_seen > at and any(stated.granted for stated in lead.consent.values())):
        return lead
    return stub(lead, at)


def names(lead: LeadProfile) -> tuple[str, ...]:
    """Return the ids as whom subscribers have been told of a lead."""
    return lead.lead_id, *lead.known_as


def _returns(lead: LeadProfile, touch: Touchpoint) -> bool:
    """Tell whether they come back: they allow something, and it is not only a device that does so.

    A device that was theirs may be another's by now. Who is known by an address or a number has to state it.
    """
    named = rank(lead.lead_id) < RANK["p"] or bool(touch.person)
    return named and may_keep(touch.consent) and any(touch.consent.values())
