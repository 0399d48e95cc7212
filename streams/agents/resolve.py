"""resolve: a raw event becomes a touchpoint or an outcome of the lead it is about.

In this order: read it, bound its time, ask for consent, leave the sender's tests aside, find out who it is about, hold
back what people did not send, count no clicks of scanners. The state is whom a key (a visitor, or a user without a
visitor) turned out to be; and, one row in each partition, how many forms came from where, and the latest clicks.
"""

import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import blake2b
from math import isfinite
from typing import NamedTuple, cast

import msgspec
from msgspec.structs import replace

from schemas.keys import rank
from schemas.person import seal
from schemas.quarantine import Crowd, Quarantined
from schemas.records import Link, Outcome, OutcomeKind, RawEvent, Record, Touchpoint, Visitor
from schemas.rejected import Reason, Rejected
from schemas.sighting import Sighting, Sign
from schemas.step import Agent, Applied, States
from schemas.topics import CROWDS, EVENTS, QUARANTINE, TOUCHPOINTS, VISITORS, Emit
from streams.domain import consent
from streams.domain.flurries import clicked
from streams.domain.identity import Ids, Known, account_of, known
from streams.domain.junk import LENIENT, Judge, verdict
from streams.domain.traits import kept

DAY_S = 86_400.0
AHEAD_S = DAY_S  # a clock this far ahead is wrong, and corrected; further ahead it is no clock
OLDEST_S = 2 * 365 * DAY_S
FORMS = "forms"  # what the crowds of a partition are counted by

Adapter = Callable[[RawEvent], Sighting]
_encode = msgspec.msgpack.Encoder().encode


class Whose(NamedTuple):
    """The lead an event belongs to, the row its key then has, and the leads that it proves to be the same person."""

    lead_id: str
    row: Visitor | None
    links: tuple[tuple[str, str], ...] = ()


def make_resolve(
    adapters: Mapping[str, Adapter],
    pepper: bytes,
    registrable: Callable[[str], str] = str,
    traits: frozenset[str] = frozenset(),
    judge: Judge = LENIENT,
) -> Agent:
    """Return the agent.

    `adapters` by source name; `registrable` maps a host to its registrable domain ("" = none); of the traits that
    senders state, the usual ones and `traits` are kept, and no other goes beyond the raw event; `judge` says what goes
    to quarantine.
    """
    ids = Ids(pepper)
    registrable = lru_cache(maxsize=16_384)(registrable)

    def step(states: States, record: Record) -> Applied:
        raw, row, crowd = cast("RawEvent", record), cast("Visitor | None", states[0]), cast("Crowd | None", states[1])
        sighting = timed(read(adapters, raw), raw.received_at)
        stated = consent.stated(sighting, raw.gpc)
        if sighting.outcome is None and not consent.may_keep(stated):
            if not consent.withdraws(stated):
                return Applied(states, (), "consent_dropped")
            sighting = consent.bare(sighting)
        if sighting.test:
            return Applied(states, (), "test")
        who = known(sighting.identifiers)
        told_of = outcome_lead(sighting, who, ids) if sighting.outcome else ""
        key = who.lead if sighting.outcome and who.lead else ids.key(who)
        if key != raw.key:
            return Applied(states, (Emit(EVENTS[sighting.channel], key, replace(raw, key=key)),), "rekeyed")
        if sighting.outcome is not None:
            outcome = to_outcome(sighting, raw, sighting.outcome, told_of)
            return Applied(states, (Emit(TOUCHPOINTS, told_of, outcome),), "outcome")
        if not (raw.released or consent.withdraws(stated)):
            crowd, signs = verdict(sighting, who, crowd, (key, ids.network), at=raw.received_at, judge=judge)
            if signs:
                held = quarantined(sighting, raw, signs)
                return Applied((row, crowd), (Emit(QUARANTINE, held.id, held),), "quarantined")
        whose = attribute(row, key, who, ids, sighting.occurred_at)
        account = account_of(who.email or who.mailbox, registrable)
        keep = kept(sighting.traits, traits)
        touch = to_touchpoint(sighting, raw, who, lead_id=whose.lead_id, account=account, traits=keep, consent=stated)
        crowd, told = clicked(crowd, key, touch)
        emits: tuple[Emit, ...] = tuple([Emit(TOUCHPOINTS, it.lead_id, it) for it in told])
        if whose.links:
            links = [link(lead_id, into, touch) for lead_id, into in whose.links if rank(into) > rank(lead_id)]
            emits = (*[Emit(TOUCHPOINTS, it.lead_id, it) for it in links], *emits)
        return Applied((whose.row, crowd), emits, "touchpoint")

    return Agent("resolve", tuple(EVENTS.values()), (VISITORS, CROWDS), _keys, step)


def _keys(record: Record) -> tuple[str, str]:
    return cast("RawEvent", record).key, FORMS


def read(adapters: Mapping[str, Adapter], raw: RawEvent) -> Sighting:
    """Return what the event says. Raises `Rejected`: UNKNOWN_SOURCE, INVALID_VALUE, and what the adapter raises."""
    adapt = adapters.get(raw.source)
    if adapt is None:
        raise Rejected(Reason.UNKNOWN_SOURCE, "source")
    sighting = adapt(raw)
    if not (isfinite(sighting.value) and isfinite(sighting.weight) and 0.0 <= sighting.weight <= 1.0):
        raise Rejected(Reason.INVALID_VALUE, "value or weight")
    return sighting


def timed(sighting: Sighting, received_at: float) -> Sighting:
    """Return the sighting, not later than it was received. Raises `Rejected`: INVALID_VALUE, FUTURE, ANCIENT."""
    at = sighting.occurred_at
    if not (isfinite(at) and isfinite(received_at)):
        raise Rejected(Reason.INVALID_VALUE, "occurred_at")
    if at > received_at + AHEAD_S:
        raise Rejected(Reason.FUTURE, "occurred_at")
    if at < received_at - OLDEST_S:
        raise Rejected(Reason.ANCIENT, "occurred_at")
    return replace(sighting, occurred_at=received_at) if at > received_at else sighting


def attribute(row: Visitor | None, key: str, who: Known, ids: Ids, at: float) -> Whose:
    """Say whose an event is. Only what the event itself proves is linked: a device may have several users.

    A visitor's anonymous lead joins the first person the visitor turns out to be, and no other.
    """
    visitor, user, person = ids.visitor(who), ids.user(who), ids.person(who)
    linked = row.lead_id if row is not None and row.identified else ""
    lead = person or who.lead or (linked if user and rank(linked) > rank(user) else user)
    if not lead:
        lead = ids.desk(who) or linked or visitor
        if lead == visitor and row is None:
            row = Visitor(visitor_id=key, lead_id=visitor, at=at)
        return Whose(lead, row)
    links = ((user, person),) if user and person else ()
    if key not in (visitor, user) or lead in (linked, key):
        return Whose(lead, row, links)
    if row is not None and not row.identified:
        links = (*links, (row.lead_id, lead))
    elif row is not None and at < row.at:
        return Whose(lead, row, links)  # late news of an earlier user of this device
    return Whose(lead, Visitor(visitor_id=key, lead_id=lead, identified=True, at=at), links)


def outcome_lead(sighting: Sighting, who: Known, ids: Ids) -> str:
    """Return the lead an outcome is about. Raises `Rejected`: JUNK_ID, MISSING_ID."""
    if sighting.identifiers.lead and not who.lead:
        raise Rejected(Reason.JUNK_ID, "lead id")
    lead = who.lead or ids.person(who) or ids.user(who) or ids.desk(who)
    if not lead:
        raise Rejected(Reason.MISSING_ID, "an outcome needs a lead id or an e-mail address")
    return lead


def to_touchpoint(
    sighting: Sighting,
    raw: RawEvent,
    who: Known,
    *,
    lead_id: str,
    account: str,
    traits: dict[str, str],
    consent: dict[str, bool],
) -> Touchpoint:
    """Return the touchpoint of a sighting; the identifiers that sales needs are sealed in `person`."""
    fields = sighting.person
    address = who.email or who.mailbox
    if sighting.weight_reason != "consent" and (address or who.phone):
        fields = fields.copy()
        if address:
            fields["email"] = address
        if who.phone:
            fields["phone"] = who.phone
    person, person_key = seal(fields)
    campaign = sighting.campaign
    return Touchpoint(
        id=id_of(sighting, raw),
        lead_id=lead_id,
        kind=sighting.kind,
        channel=sighting.channel,
        occurred_at=sighting.occurred_at,
        received_at=raw.received_at,
        digest=crc(sighting),
        weight=sighting.weight,
        weight_reason=sighting.weight_reason,
        page=sighting.page,
        campaign_source=campaign.source,
        campaign_medium=campaign.medium,
        campaign_name=campaign.name,
        click_id=campaign.click_id,
        account=account,
        value=sighting.value,
        traits=traits,
        consent=consent,
        person=person,
        person_key=person_key,
    )


def to_outcome(sighting: Sighting, raw: RawEvent, kind: OutcomeKind, lead_id: str) -> Outcome:
    """Return the outcome that a CRM's sighting tells of."""
    return Outcome(
        id=id_of(sighting, raw),
        lead_id=lead_id,
        kind=kind,
        occurred_at=sighting.occurred_at,
        received_at=raw.received_at,
        digest=crc(sighting),
        value=sighting.value,
        reason=sighting.reason,
    )


def quarantined(sighting: Sighting, raw: RawEvent, signs: tuple[Sign, ...]) -> Quarantined:
    """Return an event as it is held back."""
    return Quarantined(id=id_of(sighting, raw), signs=[str(sign) for sign in signs], held_at=raw.received_at, event=raw)


def link(lead_id: str, into: str, cause: Touchpoint) -> Link:
    """Return the link that a touchpoint proves; the same two leads always give the same id."""
    return Link(
        id=digest_of(lead_id, into),
        lead_id=lead_id,
        into=into,
        cause=cause.id,
        occurred_at=cause.occurred_at,
        received_at=cause.received_at,
    )


def id_of(sighting: Sighting, raw: RawEvent) -> str:
    """Return the id of a touchpoint or an outcome: that of its event, which is its source's to choose."""
    return digest_of(raw.source, sighting.id or raw.event_id)


def digest_of(*parts: str) -> str:
    """Return a 128-bit id in hex, made of its parts (each led by its length, so that no two lists give one text)."""
    text = "".join([f"{len(part)}:{part}" for part in parts])
    return blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def crc(sighting: Sighting) -> int:
    """Return what tells a repeat from a conflict: what happened, not when or how it came (a retry differs in that)."""
    it = sighting
    traits = sorted(it.traits.items()) if it.traits else ()
    what = it.kind, it.identifiers, it.page, it.campaign, it.value, traits, it.outcome, it.reason
    return zlib.crc32(_encode(what))
