"""The oracle: what senders were told, what lies in the log, and what the pure fold makes of that log, held together."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from schemas.records import Audit, LeadProfile, Link, Merge, Outcome, RawEvent, Record, RoutedLead, Touchpoint
from schemas.rejected import Rejected
from schemas.topics import AUDIT, DEAD_LETTERS, EVENTS, LEADS_PROFILES, LEADS_ROUTED, TOUCHPOINTS, Topic
from streams.engine.fold import Fold
from streams.engine.offsets import Place
from tests.chaos.ledger import Books
from tests.pipeline import CODEC, Landed
from tests.reference import Log, begun, differences, folded, misplaced


class Verdict(NamedTuple):
    """What a check found: too little, too much, versions that went back, and words for people."""

    lost: int = 0
    doubled: int = 0
    regressions: int = 0
    notes: tuple[str, ...] = ()


Folds = dict[str, Fold]
Check = Callable[[Log, Folds, Books], Verdict]


def durability(log: Log, folds: Folds, books: Books) -> Verdict:
    """I1: what was accepted is in the log; what was only refused is not; what nobody knows may be.

    More copies of an accepted event than were asked for are the producer's own (it may send again what a dying node
    had taken): noted, and no harm while everything after them counts an id once, which `once` sees to.
    """
    there: Counter[str] = Counter(raw.event_id for raw in _raw(log))
    there -= Counter(emit.record.event_id for emit in folds["resolve"].emitted if isinstance(emit.record, RawEvent))
    asked = books.accepted + books.unknown
    lost, copies = books.accepted - there, there - asked
    strange = Counter({id_: count for id_, count in copies.items() if id_ not in asked})
    notes = [f"{len(lost)} accepted ids are not in the log, as {next(iter(lost))}"] if lost else []
    notes += [f"{strange.total()} raw events that were refused, or never sent"] if strange else []
    own = copies.total() - strange.total()
    notes += [f"{own} raw events once more than asked ({own / there.total():.0e})"] if own else []
    return Verdict(lost.total(), strange.total(), notes=tuple(notes))


def conservation(log: Log, folds: Folds, books: Books) -> Verdict:
    """I2: for each agent, minute of arrival and fate, the audit counts what the fold counts."""
    del books
    told: Counter[tuple[str, int]] = Counter()
    fates: Counter[tuple[str, str]] = Counter()
    for one in log[AUDIT.name]:
        audit = one.record
        assert isinstance(audit, Audit)
        for tally in audit.tallies:
            told[audit.agent, tally.minute] += tally.count
            fates[audit.agent, tally.fate] += tally.count
    there = Counter(
        (name, one.minute) for name, fold in folds.items() for topic in fold.agent.inputs for one in log[topic.name]
    )
    due = Counter({(name, fate): count for name, fold in folds.items() for fate, count in fold.fates.items()})
    lost = max((there - told).total(), (due - fates).total())
    doubled = max((told - there).total(), (fates - due).total())
    return Verdict(
        lost, doubled, notes=(f"the audit counts {lost} too few, {doubled} too many",) * bool(lost or doubled)
    )


def burial(log: Log, folds: Folds, books: Books) -> Verdict:
    """I2: there are as many dead letters as the fold buries."""
    del books
    buried = len(log[DEAD_LETTERS.name]) - sum(fold.fates["dead_letter"] for fold in folds.values())
    return Verdict(max(-buried, 0), max(buried, 0), notes=(f"{buried:+} dead letters",) * bool(buried))


def equality(log: Log, folds: Folds, books: Books) -> Verdict:
    """I3, I4: every output as often as the fold makes it, every state row as the fold leaves it."""
    del books
    found = differences(log, folds)
    notes = tuple(f"{it.topic}: {it.lost} lost, {it.extra} too many, as {it.sample}" for it in found)
    return Verdict(sum(it.lost for it in found), sum(it.extra for it in found), notes=notes)


def uniqueness(log: Log, folds: Folds, books: Books) -> Verdict:
    """I3: one decision for each lead and place in its sequence, under one id."""
    del folds, books
    decided: Counter[tuple[str, int]] = Counter()
    ids: Counter[str] = Counter()
    for one in log[LEADS_ROUTED.name]:
        routed = one.record
        assert isinstance(routed, RoutedLead)
        decided[routed.lead_id, routed.route_seq] += 1
        ids[routed.decision_id] += 1
    doubled = max(_repeats(decided.values()), _repeats(ids.values()))
    return Verdict(doubled=doubled, notes=(f"{doubled} decisions twice",) if doubled else ())


def once(log: Log, folds: Folds, alone: Fold) -> Verdict:
    """I3: had every record reached its lead once only, decisions and profiles would be the same.

    `alone` is the fold to hold against: as it was when the first record came.
    """
    whole = folds["qualify"]
    seen: set[tuple[str, str]] = set()  # a record forwarded to the lead that absorbed its own keeps its id
    for one, record in readable(log, TOUCHPOINTS):
        assert isinstance(record, Touchpoint | Outcome | Link | Merge)
        if (record.lead_id, record.id) not in seen and not misplaced(whole.agent, one, record):
            seen.add((record.lead_id, record.id))
            alone.apply(one.partition, record)
    due, there = _decisions(alone), _decisions(whole)
    lost, doubled = (due - there).total(), (there - due).total()
    changed = len({place for place, _ in _profiles(alone).items() ^ _profiles(whole).items()})
    notes = [f"repeats cost {lost} decisions and made {doubled}"] if lost or doubled else []
    notes += [f"repeats changed {changed} profiles"] if changed else []
    return Verdict(lost, doubled + changed, notes=tuple(notes))


def order(log: Log, folds: Folds, books: Books) -> Verdict:
    """I5: each lead's version rises in the changelog, always. A zombie's write would show here."""
    del folds, books
    last: dict[tuple[int, str], int] = {}
    regressions = 0
    for one in log[LEADS_PROFILES.name]:
        place = one.partition, one.key
        if one.value is None:
            last.pop(place, None)
            continue
        profile = one.record
        assert isinstance(profile, LeadProfile)
        regressions += profile.version <= last.get(place, -1)
        last[place] = profile.version
    return Verdict(regressions=regressions, notes=(f"{regressions} versions went back",) if regressions else ())


CHECKS: tuple[Check, ...] = (durability, conservation, burial, equality, uniqueness, order)


def judge(log: Log, books: Books, *, audited: bool = True, seeded: Mapping[Place, int] | None = None) -> Verdict:
    """Fold the log once, ask every check, and add up what they found. Not `audited`: there is no audit to hold to.

    `seeded` = up to where changelogs held rows before anything was sent.
    """
    folds = folded(log, seeded)
    found = [check(log, folds, books) for check in CHECKS if audited or check is not conservation]
    found.append(once(log, folds, begun(folds["qualify"].agent, log, seeded or {})))
    return total(found)


def total(found: Iterable[Verdict]) -> Verdict:
    """Add up what was found."""
    found = tuple(found)
    return Verdict(
        lost=sum(one.lost for one in found),
        doubled=sum(one.doubled for one in found),
        regressions=sum(one.regressions for one in found),
        notes=tuple(note for one in found for note in one.notes),
    )


def _raw(log: Log) -> Iterator[RawEvent]:
    for topic in EVENTS.values():
        for _, record in readable(log, topic):
            assert isinstance(record, RawEvent)
            yield record


def readable(log: Log, topic: Topic) -> Iterator[tuple[Landed, Record]]:
    """Yield a topic as it lies, with what it says, but for what nobody can read."""
    for one in log[topic.name]:
        with suppress(Rejected):
            yield one, one.record


def _decisions(fold: Fold) -> Counter[tuple[str, str]]:
    routed = (emit.record for emit in fold.emitted if isinstance(emit.record, RoutedLead))
    return Counter((it.decision_id, it.cause) for it in routed)


def _profiles(fold: Fold) -> dict[tuple[str, int, str], bytes]:
    return {place: CODEC.encode(row) for place, row in fold.rows.items() if isinstance(row, LeadProfile)}


def _repeats(counts: Iterable[int]) -> int:
    return sum(count - 1 for count in counts)
