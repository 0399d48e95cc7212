"""The oracle: what senders were told, what lies in the log, and what the pure fold makes of that log, held together."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from schemas.records import Audit, LeadProfile, RawEvent, RoutedLead
from schemas.topics import AUDIT, DEAD_LETTERS, EVENTS, LEADS_PROFILES, LEADS_ROUTED
from streams.engine.fold import Fold
from tests.chaos.ledger import Books
from tests.reference import Log, differences, folded


class Verdict(NamedTuple):
    """What a check found: too little, too much, versions that went back, and words for people."""

    lost: int = 0
    doubled: int = 0
    regressions: int = 0
    notes: tuple[str, ...] = ()


Folds = dict[str, Fold]
Check = Callable[[Log, Folds, Books], Verdict]


def durability(log: Log, folds: Folds, books: Books) -> Verdict:
    """I1: what was accepted is in the log; what was refused is not; what nobody knows may be, once for each attempt."""
    there: Counter[str] = Counter(raw.event_id for raw in _raw(log))
    there -= Counter(emit.record.event_id for emit in folds["resolve"].emitted if isinstance(emit.record, RawEvent))
    lost, extra = books.accepted - there, there - (books.accepted + books.unknown)
    refused = [id_ for id_ in extra if id_ in books.refused]
    notes = [f"{len(lost)} accepted ids are not in the log, as {next(iter(lost))}"] if lost else []
    notes += [f"{extra.total()} raw events nobody sent, {len(refused)} of them refused"] if extra else []
    return Verdict(lost.total(), extra.total(), notes=tuple(notes))


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
    buried = len(log[DEAD_LETTERS.name]) - sum(fold.fates["dead_letter"] for fold in folds.values())
    notes = [f"the audit counts {lost} too few, {doubled} too many"] if lost or doubled else []
    notes += [f"{buried:+} dead letters"] if buried else []
    return Verdict(lost + max(-buried, 0), doubled + max(buried, 0), notes=tuple(notes))


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


CHECKS: tuple[Check, ...] = (durability, conservation, equality, uniqueness, order)


def judge(log: Log, books: Books) -> Verdict:
    """Fold the log once, ask every check, and add up what they found."""
    folds = folded(log)
    found = [check(log, folds, books) for check in CHECKS]
    return Verdict(
        lost=sum(one.lost for one in found),
        doubled=sum(one.doubled for one in found),
        regressions=sum(one.regressions for one in found),
        notes=tuple(note for one in found for note in one.notes),
    )


def _raw(log: Log) -> Iterator[RawEvent]:
    for topic in EVENTS.values():
        for one in log[topic.name]:
            assert isinstance(one.record, RawEvent)
            yield one.record


def _repeats(counts: Iterable[int]) -> int:
    return sum(count - 1 for count in counts)
