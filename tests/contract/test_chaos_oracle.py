"""The oracle bites: a log as the pipeline leaves it is clean, and each way of spoiling it is found, and counted."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from schemas.keys import partition_of
from schemas.records import Audit, LeadProfile, RawEvent, Record, Tally
from schemas.step import Applied, States
from schemas.topics import AUDIT, EVENTS_WEB, LEADS_PROFILES, LEADS_ROUTED, TOPICS, TOUCHPOINTS, Topic
from streams.engine.fold import Fold
from tests.chaos.checks import judge, once
from tests.chaos.conduct import substance
from tests.chaos.ledger import Books
from tests.pipeline import CODEC, PARTITIONS, Landed
from tests.reference import differences, folded
from tests.traffic import raw_events
from tests.worker import pipeline

Mutable = dict[str, list[Landed]]


def written() -> tuple[Mutable, Books]:
    """A log that a faultless pipeline would leave, every change of state in its changelog, and its senders' books."""
    log: Mutable = {topic.name: [] for topic in TOPICS if topic.records}
    folds = {agent.name: Fold(agent) for agent in pipeline()}
    by_topic = {topic.name: fold for fold in folds.values() for topic in fold.agent.inputs}
    books, waiting = Books(), deque(raw_events(400))
    for emit in waiting:
        assert isinstance(emit.record, RawEvent)
        books.accepted[emit.record.event_id] += 1
    while waiting:
        emit = waiting.popleft()
        partition = partition_of(emit.key.encode(), emit.topic.partitions or PARTITIONS)
        _append(log, emit.topic, partition, emit.key, CODEC.encode(emit.record))
        if fold := by_topic.get(emit.topic.name):
            before = dict(fold.rows)
            waiting.extend(fold.apply(partition, emit.record))
            for table, of, key in fold.rows.keys() | before.keys():
                row = fold.rows.get((table, of, key))
                if before.get((table, of, key)) is not row:
                    value = None if row is None else CODEC.encode(row)
                    _append(log, next(it for it in TOPICS if it.name == table), of, key, value)
    for name, fold in folds.items():
        buried = fold.fates["dead_letter"]
        log["dead-letters"] += [Landed(0, n, "", None, AUDIT) for n in range(len(log["dead-letters"]), buried)]
        tallies = [Tally(minute=0, fate=fate, count=count) for fate, count in fold.fates.items()]
        audit = Audit(agent=name, topic="", partition=0, first_offset=0, last_offset=0, tallies=tallies)
        _append(log, AUDIT, 0, name, CODEC.encode(audit))
    return log, books


def _append(log: Mutable, topic: Topic, partition: int, key: str, value: bytes | None) -> None:
    offset = sum(one.partition == partition for one in log[topic.name])
    log[topic.name].append(Landed(partition, offset, key, value, topic))


LOG, BOOKS = written()


def spoilt(topic: Topic, spoil: Callable[[list[Landed]], list[Landed]]) -> Mutable:
    """The log, with one topic spoilt."""
    return {**defaultdict(list, LOG), topic.name: spoil(LOG[topic.name])}


def test_a_clean_log_is_found_clean() -> None:
    verdict = judge(LOG, BOOKS)
    assert (verdict.lost, verdict.doubled, verdict.regressions) == (0, 0, 0), verdict.notes


@pytest.mark.parametrize("topic", [EVENTS_WEB, TOUCHPOINTS, LEADS_ROUTED, AUDIT], ids=lambda topic: topic.name)
def test_a_record_that_is_missing_is_lost(topic: Topic) -> None:
    assert judge(spoilt(topic, lambda it: it[:-1]), BOOKS).lost > 0


@pytest.mark.parametrize("topic", [TOUCHPOINTS, LEADS_ROUTED, AUDIT], ids=lambda topic: topic.name)
def test_a_record_that_is_there_twice_is_doubled(topic: Topic) -> None:
    assert judge(spoilt(topic, lambda it: [*it, it[-1]]), BOOKS).doubled > 0


def test_a_zombies_write_is_a_regression_even_when_it_is_mended_afterwards() -> None:
    busiest, _ = Counter((one.partition, one.key) for one in LOG[LEADS_PROFILES.name]).most_common(1)[0]
    rows = [one for one in LOG[LEADS_PROFILES.name] if (one.partition, one.key) == busiest]
    verdict = judge(spoilt(LEADS_PROFILES, lambda it: [*it, rows[0], rows[-1]]), BOOKS)
    assert verdict.regressions > 0
    assert (verdict.lost, verdict.doubled) == (0, 0), "the last row is right, and still it is found"


def test_what_was_refused_must_not_be_there() -> None:
    books = Books()
    books.accepted = BOOKS.accepted - Counter([next(iter(BOOKS.accepted))])
    books.refused = Counter([next(iter(BOOKS.accepted))])
    assert judge(LOG, books).doubled == 1


def test_what_nobody_knows_may_be_there_or_not() -> None:
    books = Books()
    books.accepted, books.unknown = BOOKS.accepted, Counter(["never-arrived", next(iter(BOOKS.accepted))])
    verdict = judge(LOG, books)
    assert (verdict.lost, verdict.doubled) == (0, 0)


def test_a_row_in_which_nothing_was_accepted_shows_nothing() -> None:
    assert substance(BOOKS, LOG) == []
    assert substance(Books(), LOG) == ["no event was accepted"]
    assert substance(BOOKS, spoilt(TOUCHPOINTS, lambda _: [])) == ["no touchpoint came of anything"]


@pytest.mark.parametrize("blind", [False, True], ids=["as it is", "blind to repeats"])
def test_a_repeat_that_changes_a_profile_is_found(blind: bool) -> None:
    agent = next(agent for agent in pipeline() if agent.name == "qualify")

    def twice(states: States, record: Record) -> Applied:
        applied, profile = agent.step(states, record), states[0]
        if not isinstance(profile, LeadProfile) or applied.states[0] is not profile:
            return applied
        return applied._replace(states=(replace(profile, touches=profile.touches + 1), *states[1:]))

    log = spoilt(TOUCHPOINTS, lambda it: [*it, *it])
    whole = Fold(agent._replace(step=twice) if blind else agent)
    for one in log[TOUCHPOINTS.name]:
        whole.apply(one.partition, one.record)
    verdict = once(log, {"qualify": whole}, Fold(whole.agent))
    assert bool(verdict.doubled) is blind, verdict.notes


def test_a_record_under_a_wrong_key_counts_where_it_belongs() -> None:
    first = LOG[EVENTS_WEB.name][0]
    moved = spoilt(EVENTS_WEB, lambda it: [first._replace(key="astray"), *it])
    tallies = [Tally(minute=0, fate="rekeyed", count=1)]
    told = CODEC.encode(Audit(agent="resolve", topic="", partition=0, first_offset=0, last_offset=0, tallies=tallies))
    moved[AUDIT.name] = [*LOG[AUDIT.name], Landed(0, len(LOG[AUDIT.name]), "resolve", told, AUDIT)]
    verdict = judge(moved, BOOKS)
    assert (verdict.lost, verdict.doubled, verdict.regressions) == (0, 0, 0), verdict.notes


def test_poison_on_an_output_is_no_output_and_a_report_can_show_any_key() -> None:
    poison = Landed(0, 10_000, b"\xb3".decode(errors="surrogateescape"), b"\xc3", TOUCHPOINTS)
    assert differences(spoilt(TOUCHPOINTS, lambda it: [*it, poison]), folded(LOG)) == []
    [found] = differences(spoilt(TOUCHPOINTS, lambda it: [*it, it[0]._replace(key=poison.key)]), folded(LOG))
    assert (found.extra, found.sample.encode()) == (1, b"\\udcb3")
