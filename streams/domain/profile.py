"""All we know of a lead, folded from touchpoints: in any order, seen once or often, the profile is the same.

Two profiles of one person merge the same way: whatever both have counted is counted once.
(Beyond `seen.CAP` touchpoints of one lead the oldest ids are forgotten, and only then may a repeat count twice.)
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from msgspec.structs import astuple, replace

from schemas.person import Fields, seal, unseal
from schemas.records import Consent, Day, Kind, LeadProfile, Stage, Touchpoint, Trait, Visit
from streams.domain import consent, seen
from streams.domain.identity import words

DAY_S = 86_400
DAYS = 30
PAID = "paid"
PAID_MEDIA = words(
    "ad ads affiliate banner cpa cpc cpl cpm cpv display paid paid-social paidsearch paidsocial ppc retargeting"
)
PASSIVE = frozenset({Kind.EMAIL_DELIVERED, Kind.EMAIL_BOUNCE, Kind.UNSUBSCRIBE, Kind.SPAM_REPORT, Kind.ERASURE})
STAGES = (  # how far a stage has come: of two profiles of one person, the further one stands
    Stage.ANONYMOUS,
    Stage.LEAD,
    Stage.RECYCLED,
    Stage.MQL,
    Stage.SAL,
    Stage.SQL,
    Stage.DISQUALIFIED,
    Stage.CUSTOMER,
)

V = TypeVar("V")


def observe(profile: LeadProfile, touch: Touchpoint) -> LeadProfile:
    """Return the profile after a touchpoint; the very same profile when the touchpoint was counted before.

    One that was counted as a person's, and turns out to be a machine's, is taken back. `version` rises by one. Raises
    `Rejected`: ID_CONFLICT, INVALID_VALUE (see `seen`).
    """
    at, human = touch.occurred_at, touch.weight > 0
    day, paid = int(at // DAY_S), human and is_paid(touch)
    name = str(touch.kind) if human else seen.MACHINE
    entry = seen.entry(touch.id, touch.digest, name, paid, day)
    if seen.has(profile.seen, entry):
        return profile if human else _taken_back(profile, entry, touch)
    traits = {trait: Trait(value=value, at=at) for trait, value in touch.traits.items()}
    if touch.account:
        traits["account"] = Trait(value=touch.account, at=at)
    all_traits = _later(profile.traits, traits, _trait)
    account = all_traits.get("account")
    active = human and touch.kind not in PASSIVE
    visit = _visit(touch) if human else None
    stated = {purpose: Consent(granted=granted, at=at) for purpose, granted in touch.consent.items()}
    return replace(
        profile,
        version=profile.version + 1,
        account=account.value if account else "",
        first_seen=min(profile.first_seen or at, at) if active else profile.first_seen,
        last_seen=max(profile.last_seen, at) if active else profile.last_seen,
        touches=profile.touches + human,
        days=_count(profile.days, day, (name, PAID) if paid else (name,)),
        traits=all_traits,
        consent=_later(profile.consent, stated, consent.latest),
        first_visit=_visits(min, profile.first_visit, visit),
        last_visit=_visits(max, profile.last_visit, visit),
        seen=seen.add(profile.seen, entry),
        person=_portrait(profile.person, profile.person_key, touch) if touch.person else profile.person,
    )


def merge(survivor: LeadProfile, absorbed: LeadProfile) -> LeadProfile:
    """Return the survivor with all that the absorbed profile knew. `version` rises by one; scores are to be taken anew.

    Commutative, associative and idempotent but for `lead_id`, `version` and the order within `seen`.
    """
    both, twice = seen.union(survivor.seen, absorbed.seen)
    again = sum(it.name not in (seen.MACHINE, seen.UNCOUNTED) for it in twice)
    traits = _later(survivor.traits, absorbed.traits, _trait)
    account = traits.get("account")
    mine, theirs = (_dated(it.person, it.person_key) for it in (survivor, absorbed))
    firsts = [it for it in (survivor.first_seen, absorbed.first_seen) if it]
    further = max(survivor, absorbed, key=lambda it: (STAGES.index(it.stage), it.stage_at))
    routed = max(survivor, absorbed, key=_claim)
    return replace(
        survivor,
        version=survivor.version + 1,
        stage=further.stage,
        stage_at=further.stage_at,
        account=account.value if account else "",
        first_seen=min(firsts, default=0.0),
        last_seen=max(survivor.last_seen, absorbed.last_seen),
        touches=survivor.touches + absorbed.touches - again,
        days=_join(survivor.days, absorbed.days, twice),
        traits=traits,
        consent=_later(survivor.consent, absorbed.consent, consent.latest),
        first_visit=_visits(min, survivor.first_visit, absorbed.first_visit),
        last_visit=_visits(max, survivor.last_visit, absorbed.last_visit),
        route_seq=max(survivor.route_seq, absorbed.route_seq),
        destination=routed.destination,
        owner=routed.owner,
        rule=routed.rule,
        candidates=routed.candidates,
        routed_at=routed.routed_at,
        pending=routed.pending,
        seen=both,
        person=_seal(_later(mine, theirs, _newer)),
    )


def _claim(profile: LeadProfile) -> tuple[bool, bool, bool, float, str, str]:
    """Return how strong a decision is: of two owners of one person, the first keeps the lead; none is the weakest."""
    it = profile
    return bool(it.owner), it.destination == "sales", bool(it.destination), -it.routed_at, it.owner, it.rule


def person(profile: LeadProfile) -> Fields:
    """Return the lead's personal fields, the latest of each. Raises `Rejected(UNDECODABLE)`."""
    return {name: value for name, (_, value) in _dated(profile.person, profile.person_key).items()}


def portrayed(profile: LeadProfile) -> list[float]:
    """Return when each of the lead's personal fields was stated. Raises `Rejected(UNDECODABLE)`."""
    return [at for at, _ in _dated(profile.person, profile.person_key).values()]


def is_paid(touch: Touchpoint) -> bool:
    """Tell whether an advertisement brought the lead here."""
    return bool(touch.click_id) or touch.campaign_medium.lower() in PAID_MEDIA or touch.kind is Kind.AD_LEAD


def _taken_back(profile: LeadProfile, entry: bytes, touch: Touchpoint) -> LeadProfile:
    """Return the profile without what it has counted of a touchpoint.

    When it was last seen, and where from, stays as it is known (what was before is not), unless nothing else is left.
    """
    mark = seen.known(profile.seen, entry)
    if mark.name in (seen.MACHINE, seen.UNCOUNTED):
        return profile
    day = int(touch.occurred_at // DAY_S)
    names = (mark.name, PAID) if mark.paid else (mark.name,)
    held = next((it.counts for it in profile.days if it.day == day), {})
    left = {name: count - (name in names) for name, count in held.items()}
    left = {name: count for name, count in left.items() if count > 0}
    days = [replace(it, counts=left) if it.day == day else it for it in profile.days]
    if any(it.day == day for it in days):  # else it lies too far back to be counted any more
        days = _count(days, day, (seen.MACHINE,))
    after = replace(
        profile,
        version=profile.version + 1,
        touches=profile.touches - 1,
        days=days,
        seen=seen.changed(profile.seen, entry),
    )
    return after if after.touches else replace(after, first_seen=0.0, last_seen=0.0, first_visit=None, last_visit=None)


def _trait(one: Trait, other: Trait) -> Trait:
    later = other.at > one.at or (other.at == one.at and other.value > one.value)
    return other if later else one


def _later(old: dict[str, V], new: Mapping[str, V], latest: Callable[[V, V], V]) -> dict[str, V]:
    """Return both mappings joined, the later of two values for one name; `old` itself when there is nothing new."""
    if not new:
        return old
    if not old:
        return dict(new)
    joined = dict(old)
    for name, value in new.items():
        joined[name] = latest(old[name], value) if name in old else value
    return joined


def _visit(touch: Touchpoint) -> Visit | None:
    """Return where a touchpoint came from; None when it does not say (a direct visit changes no credit)."""
    source, medium, name, click = touch.campaign_source, touch.campaign_medium, touch.campaign_name, touch.click_id
    if not (source or medium or name or click):
        return None
    return Visit(at=touch.occurred_at, source=source, medium=medium, campaign=name, click_id=click)


def _visits(choose: Callable[..., Visit], one: Visit | None, other: Visit | None) -> Visit | None:
    if one is None or other is None:
        return one or other
    return choose(one, other, key=astuple)


def _count(days: list[Day], day: int, names: tuple[str, ...]) -> list[Day]:
    """Return the days with one more of each name on `day`; the latest `DAYS` active days stay."""
    at = len(days)
    while at and days[at - 1].day > day:
        at -= 1
    same = at > 0 and days[at - 1].day == day
    counts = days[at - 1].counts.copy() if same else {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    counted = days.copy()
    counted[at - same : at] = (Day(day=day, counts=counts),)
    return counted if len(counted) <= DAYS else counted[-DAYS:]


def _join(one: Iterable[Day], other: Iterable[Day], twice: Iterable[seen.Mark]) -> list[Day]:
    """Return the counts of both by day, less what both have counted."""
    total: dict[int, dict[str, int]] = {}
    for day in (*one, *other):
        counts = total.setdefault(day.day, {})
        for name, count in day.counts.items():
            counts[name] = counts.get(name, 0) + count
    by_mark = {day & 0x1FFF: counts for day, counts in total.items()}
    for mark in twice:
        counts = by_mark.get(mark.day, {})
        for name in (mark.name, PAID) if mark.paid else (mark.name,):
            if name in counts:
                counts[name] -= 1
    return [Day(day=day, counts={k: n for k, n in total[day].items() if n}) for day in sorted(total)][-DAYS:]


Dated = dict[str, list[Any]]  # personal field -> [stated at, value]: how a profile keeps them


def _dated(sealed: bytes, key: str) -> Dated:
    return {name: pair for name, pair in unseal(sealed, key).items() if isinstance(pair, list)}


def _seal(fields: Dated) -> bytes:
    return seal({name: fields[name] for name in sorted(fields)})[0]


def _portrait(sealed: bytes, key: str, touch: Touchpoint) -> bytes:
    at, portrait = touch.occurred_at, _dated(sealed, key)
    known = len(portrait)
    for name, value in unseal(touch.person, touch.person_key).items():
        new, old = [at, value], portrait.get(name)
        portrait[name] = new if old is None or at > old[0] else _newer(old, new)
    return _seal(portrait) if len(portrait) > known else seal(portrait)[0]  # what was sealed is in order


def _newer(one: list[Any], other: list[Any]) -> list[Any]:
    """Return the later of two statements; of two made at once, the one whose text is last in the alphabet."""
    if one[0] != other[0]:
        return other if other[0] > one[0] else one
    return other if str(other[1]) > str(one[1]) else one
