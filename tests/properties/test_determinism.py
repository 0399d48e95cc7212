"""The same log, folded twice, is the same to the byte: profiles, rosters, decisions, examples, models."""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from itertools import product
from random import Random

import pytest

from schemas.codec import Codec
from schemas.keys import partition_of
from schemas.learning import Pending, TrainingExample
from schemas.records import LeadProfile, Record, RoutedLead
from schemas.registry import FileRegistry
from schemas.topics import Emit
from streams.engine.fold import Fold
from tests.pipeline import PARTITIONS
from tests.traffic import raw_events
from tests.worker import pipeline

CODEC = Codec(FileRegistry())
Bytes = dict[object, bytes]


def folded(log: Iterable[Emit]) -> tuple[Bytes, list[bytes], list[Fold]]:
    """Return every row and every emitted record as bytes, after agents made anew have folded the log."""
    folds = [Fold(agent) for agent in pipeline()]
    emitted = fold_all(folds, log)
    rows: Bytes = {(fold.agent.name, *key): CODEC.encode(row) for fold in folds for key, row in fold.rows.items()}
    return rows, emitted, folds


def fold_all(
    folds: list[Fold], log: Iterable[Emit], then: Callable[[Fold, int, Record], None] = lambda *_: None
) -> list[bytes]:
    """Fold raw events, and all that comes of each, before the next; return what was emitted, as bytes, by agent.

    `then` is called with each fold, partition and record that it has applied.
    """
    readers = {topic.name: fold for fold in folds for topic in fold.agent.inputs}
    for raw in log:
        waiting = deque([raw])
        while waiting:
            emit = waiting.popleft()
            if fold := readers.get(emit.topic.name):
                partition = partition_of(emit.key.encode(), emit.topic.partitions or PARTITIONS)
                waiting.extendleft(reversed(fold.apply(partition, emit.record)))
                then(fold, partition, emit.record)
    return [CODEC.encode(emit.record) for fold in folds for emit in fold.emitted]


def test_the_same_log_twice_gives_the_same_bytes() -> None:
    log = list(raw_events(2_000))
    rows, emitted, folds = folded(log)
    again, emitted_again, _ = folded(log)
    assert rows == again
    assert emitted == emitted_again
    told = {type(emit.record) for fold in folds for emit in fold.emitted}
    assert {RoutedLead, TrainingExample} <= told
    assert sum(isinstance(row, LeadProfile) for fold in folds for row in fold.rows.values()) > 100


def through_bytes(fold: Fold) -> Fold:
    """Return the fold as a worker restores it: an agent made anew, its rows read from their changelogs."""
    agent = next(it for it in pipeline() if it.name == fold.agent.name)
    records = {table.name: table.records for table in agent.tables}
    again = Fold(agent)
    again.rows = {at: CODEC.decode(CODEC.encode(row), records[at[0]]) for at, row in fold.rows.items()}
    return again


@pytest.mark.parametrize("seed", range(3))
def test_killed_and_restored_at_any_offset_nothing_is_different(seed: int) -> None:
    log = list(raw_events(700))
    cut = Random(seed).randrange(len(log))
    rows, emitted, _ = folded(log)
    folds = [Fold(agent) for agent in pipeline()]
    before = fold_all(folds, log[:cut])
    folds = [through_bytes(fold) for fold in folds]
    after = fold_all(folds, log[cut:])
    assert {(f.agent.name, *k): CODEC.encode(row) for f in folds for k, row in f.rows.items()} == rows
    assert Counter(before + after) == Counter(emitted)
    assert any(isinstance(row, Pending) for fold in folds for row in fold.rows.values())


def test_a_profile_that_went_through_bytes_goes_on_as_if_it_had_not() -> None:
    log = list(raw_events(600))
    straight = folded(log)[0]
    folds = [Fold(agent) for agent in pipeline()]
    changed = 0

    def through(fold: Fold, partition: int, record: Record) -> None:
        nonlocal changed
        for key, table in product(fold.agent.keys(record), fold.agent.tables):
            at = table.name, partition, key
            if at in fold.rows:
                changed += 1
                fold.rows[at] = CODEC.decode(CODEC.encode(fold.rows[at]), table.records)

    fold_all(folds, log, through)
    assert changed > len(log)
    assert {(f.agent.name, *k): CODEC.encode(row) for f in folds for k, row in f.rows.items()} == straight
