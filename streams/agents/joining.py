"""What qualify does when two leads turn out to be one person, and when somebody asks to be forgotten.

An absorbed lead leaves a stub that forwards whatever still comes for it; a forgotten one leaves a stub that keeps it
out. Whoever was told of a lead is told to forget it, under each of the ids that they know it by.
"""

from collections.abc import Sequence
from hashlib import blake2b

from msgspec.structs import replace

from schemas.keys import rank
from schemas.learning import Withdrawal
from schemas.records import Kind, LeadProfile, Link, Merge, Outcome, Roster, RoutedLead, Stage, Touchpoint
from schemas.step import Applied
from schemas.topics import LEADS_CONVERSIONS, LEADS_ROUTED, QUESTIONS, TOUCHPOINTS, Emit
from streams.domain import erasure, seen
from streams.domain import profile as profiles
from streams.domain.consent import PURPOSES
from streams.domain.routing import HOLD

ERASED, WISH = "erased", Kind.ERASURE
Told = Touchpoint | Outcome | Link | Merge


def passed_by(lead: LeadProfile | None, roster: Roster | None, told: Told) -> Applied | None:
    """Return what becomes of a record that its lead does not take in; None when it does: of a page view, soon."""
    if isinstance(told, Link):
        return _absorb(lead, roster, told)
    if lead is not None:
        if lead.merged_into:
            return _forward(lead, roster, told)
        if lead.erased_at and not isinstance(told, Merge) and not erasure.lets_in(lead, told):
            return Applied((lead, roster), (), "suppressed")
    if isinstance(told, Touchpoint) and told.kind is WISH:
        return _erase(lead or LeadProfile(lead_id=told.lead_id), roster, told)
    return None


def _absorb(lead: LeadProfile | None, roster: Roster | None, link: Link) -> Applied:
    """Leave a stub, and send what was known to the lead that absorbs this one: upward only, and only once."""
    merged_into = lead.merged_into if lead else ""
    if merged_into == link.into:
        return Applied((lead, roster), (), "link_repeated")
    if merged_into or rank(link.into) <= rank(link.lead_id):
        return Applied((lead, roster), (), "link_refused")
    stub = LeadProfile(lead_id=link.lead_id, version=lead.version + 1 if lead else 1, merged_into=link.into)
    if lead is None:
        return Applied((stub, roster), (), "linked")
    merge = Merge(
        id=_id(link.lead_id, link.into),
        lead_id=link.into,
        absorbed=lead,
        cause=link.cause,
        occurred_at=link.occurred_at,
        received_at=link.received_at,
    )
    moves = (Emit(TOUCHPOINTS, link.into, merge), withdrawn(link.lead_id, link.into, link.occurred_at))
    return Applied((stub, roster), moves if rank(link.lead_id) else moves[:1], "linked")


def join(lead: LeadProfile, merge: Merge) -> tuple[LeadProfile, tuple[Emit, ...]]:
    """Return the lead with an absorbed one taken in; the very same lead when that was done before.

    When one of the two was erased, what the other has from before goes as well, and that is what is sent.
    """
    entry = seen.entry(merge.id, 0)
    if seen.has(lead.seen, entry):
        return lead, ()
    absorbed = merge.absorbed
    erased_at = max(lead.erased_at, absorbed.erased_at)
    mine, theirs = erasure.spared(lead, erased_at), erasure.spared(absorbed, erased_at)
    joined = profiles.merge(mine, theirs)
    told_otherwise = bool(mine.destination) and joined.owner != mine.owner
    known_as, forgotten = {*mine.known_as, *theirs.known_as}, list[str]()
    was_told = absorbed.route_seq or absorbed.stage is not Stage.ANONYMOUS  # to somebody: ad platforms hear of stages
    if was_told and theirs is absorbed:
        known_as.add(absorbed.lead_id)
    elif was_told:
        forgotten += erasure.names(absorbed)
    if lead.version and mine is not lead:
        forgotten += erasure.names(lead)
    joined = replace(
        joined,
        seen=seen.add(joined.seen, entry),
        destination="" if told_otherwise else joined.destination,  # who had the person first is announced as the owner
        route_seq=joined.route_seq + bool(forgotten),
        erased_at=erased_at,
        known_as=sorted(known_as),
    )
    return joined, _gone(forgotten, joined, merge)


def _forward(stub: LeadProfile, roster: Roster | None, record: Touchpoint | Outcome | Merge) -> Applied:
    """Send on what came for a lead that was absorbed."""
    into = stub.merged_into
    return Applied((stub, roster), (Emit(TOUCHPOINTS, into, replace(record, lead_id=into)),), "forwarded")


def _erase(lead: LeadProfile, roster: Roster | None, asked: Touchpoint) -> Applied:
    """Leave a stub of the lead, learn nothing of it, and have subscribers forget it, whether they knew it or not.

    Who had been erased and is back since before this wish arrived, though after it was made, stays: subscribers have
    forgotten all from before.
    """
    at, wish = asked.occurred_at, seen.entry(asked.id, asked.digest)
    if lead.erased_at and erasure.begins_after(lead, at):
        back = replace(lead, version=lead.version + 1, erased_at=at, seen=seen.add(lead.seen, wish))
        return Applied((back, roster), (), ERASED)
    left = erasure.stub(lead, at, wish)
    left = replace(left, route_seq=left.route_seq + 1)
    return Applied((left, roster), _gone(erasure.names(lead), left, asked), ERASED)


def withdrawn(lead_id: str, into: str, at: float) -> Emit:
    """Take back what was asked of a lead; `into` = of whom it is asked instead."""
    return Emit(QUESTIONS, lead_id, Withdrawal(lead_id=lead_id, into=into, at=at))


def decision_id(lead_id: str, route_seq: int) -> str:
    """Return the id of a lead's decision number `route_seq`: to decide again gives the same id, no second decision."""
    return _id(lead_id, str(route_seq))


def conversion_id(lead_id: str, stage: Stage, cause: str) -> str:
    """Return the id under which ad platforms hear of a stage, or of a deal: to tell it again is to tell it once."""
    return _id(lead_id, stage, cause)


def _gone(forgotten: Sequence[str], left: LeadProfile, cause: Touchpoint | Merge) -> tuple[Emit, ...]:
    if not forgotten:
        return ()
    told = [(lead_id, _announced(lead_id, left, cause)) for lead_id in forgotten]
    emits = [Emit(topic, lead_id, said) for lead_id, said in told for topic in (LEADS_ROUTED, LEADS_CONVERSIONS)]
    return (*emits, withdrawn(left.lead_id, "", cause.occurred_at))


def _announced(lead_id: str, left: LeadProfile, cause: Touchpoint | Merge) -> RoutedLead:
    """Return an erasure as subscribers see it: a decision to hold a lead, of which nothing else is said."""
    return RoutedLead(
        decision_id=decision_id(lead_id, left.route_seq),
        lead_id=lead_id,
        route_seq=left.route_seq,
        account="",
        stage=Stage.ANONYMOUS,
        destination=HOLD,
        owner="",
        rule=ERASED,
        candidates=[],
        score=0.0,
        fit=0.0,
        engagement=0.0,
        reasons=[],
        model_version=0,
        cause=cause.cause if isinstance(cause, Merge) else cause.id,
        occurred_at=cause.occurred_at,
        received_at=cause.received_at,
        consent=dict.fromkeys(sorted(PURPOSES), False),
        erased_at=left.erased_at,
    )


def _id(*parts: str) -> str:
    return blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()
