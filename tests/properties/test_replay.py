"""The same offsets with the same versions are the same to the byte: across pins and rollbacks, killed anywhere."""

from collections import deque
from functools import cache
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.codec import Codec
from schemas.keys import partition_of
from schemas.learning import ModelSnapshot
from schemas.records import Audit, RoutedLead
from schemas.registry import FileRegistry
from schemas.topics import LEADS_PROFILES, ROSTERS, TOUCHPOINTS, Emit
from streams.cards import card
from streams.domain.routing import Routing
from streams.engine.fold import Fold
from streams.replay import Replay, Used
from tests.pipeline import PARTITIONS
from tests.traffic import raw_events
from tests.unit.domain.test_scoring import MODEL
from tests.worker import pipeline

CODEC = Codec(FileRegistry())
TABLES = {table.name: table for table in (LEADS_PROFILES, ROSTERS)}
CARD, MOST = card(), 300
KEPT: dict[int, ModelSnapshot] = {
    version: replace(MODEL, version=version, examples=40 * version, intercept=-0.1 * version)
    for version in range(1, 15)
}


@cache
def log() -> list[tuple[int, int, Emit]]:
    """Touchpoints as they lie on their partitions: (partition, offset, record under its key)."""
    resolve, ends, found = Fold(pipeline()[0]), [0] * PARTITIONS, []
    due = deque(raw_events(MOST))
    while due:
        emit = due.popleft()
        if emit.topic != TOUCHPOINTS:
            due.extend(resolve.apply(partition_of(emit.key.encode(), PARTITIONS), emit.record))
            continue
        partition = partition_of(emit.key.encode(), PARTITIONS)
        found.append((partition, ends[partition], emit))
        ends[partition] += 1
    return found


def audits(turns: list[tuple[int, int]]) -> Used:
    """The audits of a run in which, `after` so many records of each partition, another version was to score."""
    one = Audit(agent="qualify", topic=TOUCHPOINTS.name, partition=0, first_offset=0, last_offset=0, tallies=[])
    return Used(
        replace(one, partition=partition, first_offset=after, leaned_on=version)
        for partition in range(PARTITIONS)
        for after, version in [(0, 1), *turns]
    )


def restored(killed: Replay) -> Replay:
    """Another replay, which has only what the changelogs of the killed one hold."""
    after = Replay(KEPT, CARD, Routing(), PARTITIONS)
    for at, row in killed.fold.rows.items():
        after.fold.rows[at] = CODEC.decode(CODEC.encode(row), TABLES[at[0]].records)
    return after


def replayed(used: Used, killed_at: set[int]) -> tuple[list[bytes], dict[tuple[str, int, str], bytes], set[int]]:
    replay, decisions, versions = Replay(KEPT, CARD, Routing(), PARTITIONS), [], set()
    for number, (partition, offset, emit) in enumerate(log()):
        if number in killed_at:
            replay = restored(replay)
        for made in replay.apply(partition, emit.key, emit.record, used.version(partition, offset)):
            if isinstance(made.record, RoutedLead):
                decisions.append(CODEC.encode(made.record))
                versions.add(made.record.model_version)
    return decisions, {at: CODEC.encode(row) for at, row in replay.fold.rows.items()}, versions


@settings(max_examples=4)
@given(st.lists(st.tuples(st.integers(1, 100), st.integers(0, 14)), max_size=4, unique_by=lambda it: it[0]), st.data())
def test_killed_and_restored_anywhere_scores_reasons_and_decisions_are_the_same(
    turns: list[tuple[int, int]], draw: st.DataObject
) -> None:
    killed_at = draw.draw(st.sets(st.integers(0, len(log())), max_size=3))
    used = audits(sorted(turns))
    assert replayed(used, killed_at) == replayed(used, set())


def test_a_pin_and_a_rollback_are_seen_in_the_decisions_from_their_offsets_on() -> None:
    used = audits([(15, 14), (40, 3)])
    decisions, rows, versions = replayed(used, {Random(1).randrange(len(log())) for _ in range(5)})
    assert (decisions, rows) == replayed(used, set())[:2]
    assert versions == {1, 14, 3}
    assert decisions != replayed(audits([(15, 14)]), set())[0]
