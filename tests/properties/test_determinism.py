"""The same log, folded twice, is the same to the byte: profiles, rosters, decisions, examples, models."""

from collections import deque
from collections.abc import Iterable

from schemas.codec import Codec
from schemas.keys import partition_of
from schemas.records import LeadProfile, RoutedLead, TrainingExample
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
    readers = {topic.name: fold for fold in folds for topic in fold.agent.inputs}
    for raw in log:
        waiting = deque([raw])
        while waiting:
            emit = waiting.popleft()
            if fold := readers.get(emit.topic.name):
                partition = partition_of(emit.key.encode(), emit.topic.partitions or PARTITIONS)
                waiting.extendleft(reversed(fold.apply(partition, emit.record)))
    rows: Bytes = {(fold.agent.name, *key): CODEC.encode(row) for fold in folds for key, row in fold.rows.items()}
    return rows, [CODEC.encode(emit.record) for fold in folds for emit in fold.emitted], folds


def test_the_same_log_twice_gives_the_same_bytes() -> None:
    log = list(raw_events(2_000))
    rows, emitted, folds = folded(log)
    again, emitted_again, _ = folded(log)
    assert rows == again
    assert emitted == emitted_again
    told = {type(emit.record) for fold in folds for emit in fold.emitted}
    assert {RoutedLead, TrainingExample} <= told
    assert sum(isinstance(row, LeadProfile) for fold in folds for row in fold.rows.values()) > 100


def test_a_profile_that_went_through_bytes_goes_on_as_if_it_had_not() -> None:
    log = list(raw_events(600))
    straight = folded(log)[0]
    folds = [Fold(agent) for agent in pipeline()]
    readers = {topic.name: fold for fold in folds for topic in fold.agent.inputs}
    for raw in log:
        waiting = deque([raw])
        while waiting:
            emit = waiting.popleft()
            if fold := readers.get(emit.topic.name):
                partition = partition_of(emit.key.encode(), emit.topic.partitions or PARTITIONS)
                waiting.extendleft(reversed(fold.apply(partition, emit.record)))
                for key in fold.agent.keys(emit.record):
                    for table in fold.agent.tables:
                        at = table.name, partition, key
                        if at in fold.rows:
                            fold.rows[at] = CODEC.decode(CODEC.encode(fold.rows[at]), table.records)
    assert {(f.agent.name, *k): CODEC.encode(row) for f in folds for k, row in f.rows.items()} == straight
