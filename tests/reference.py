"""The chaos oracle: what must have become of a log, by the pure fold, and what has.

Each agent is folded over its own input as it lies in the log. So every comparison is exact, whatever the interleaving
was: the touchpoints in the log are those that the raw events make, and everything after is what the touchpoints make.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from schemas.keys import partition_of
from schemas.records import LeadProfile, Record
from schemas.rejected import Rejected
from schemas.step import Agent
from schemas.topics import (
    CLOCKS,
    CROWDS,
    LEADS_CONVERSIONS,
    LEADS_PROFILES,
    LEADS_ROUTED,
    LESSONS,
    MODELS,
    PENDING,
    QUARANTINE,
    QUESTIONS,
    ROSTERS,
    TOPICS,
    TOUCHPOINTS,
    TRAINING_EXAMPLES,
    VISITORS,
    Emit,
    Topic,
)
from streams.engine.fold import Fold
from streams.engine.offsets import Place
from tests.pipeline import CODEC, PARTITIONS, Landed, landed
from tests.worker import pipeline

Found = tuple[str, bytes | None]
Log = Mapping[str, list[Landed]]  # by topic's name
OUTPUTS = (TOUCHPOINTS, QUARANTINE, LEADS_ROUTED, LEADS_CONVERSIONS, QUESTIONS, TRAINING_EXAMPLES)
STATES = (VISITORS, CROWDS, LEADS_PROFILES, ROSTERS, PENDING, CLOCKS, MODELS, LESSONS)
SHARED = (CROWDS, ROSTERS, CLOCKS)  # the same key in each partition


class Difference(NamedTuple):
    """What a topic lacks, and what it has too much of, against the fold. `sample` shows one such record."""

    topic: str
    lost: int
    extra: int
    sample: str = ""


def everything(bootstrap: str) -> Log:
    """Return what a read_committed consumer sees of all topics."""
    return {topic.name: landed(bootstrap, topic) for topic in TOPICS if topic.records}


def folded(log: Log, seeded: Mapping[Place, int] | None = None) -> dict[str, Fold]:
    """Return every agent folded over its input in the log, from the rows that lie before `seeded` in changelogs on."""
    folds = {agent.name: begun(agent, log, seeded or {}) for agent in pipeline()}
    for fold in folds.values():
        for topic in fold.agent.inputs:
            for one in log[topic.name]:
                try:
                    record = one.record
                except Rejected as rejected:
                    fold.bury(rejected.reason)
                    continue
                if home := misplaced(fold.agent, one, record):
                    fold.emitted.append(Emit(topic, home, record))
                    fold.fates["rekeyed"] += 1
                else:
                    fold.apply(one.partition, record)
    return folds


def begun(agent: Agent, log: Log, seeded: Mapping[Place, int]) -> Fold:
    """Return an agent's fold with the rows that lie before these places, before anything is folded."""
    fold = Fold(agent)
    for table in agent.tables:
        for one in log[table.name] if seeded else ():
            if one.offset < seeded.get((table.name, one.partition), 0):
                fold.rows[table.name, one.partition, one.key] = one.record
    return fold


def misplaced(agent: Agent, one: Landed, record: Record) -> str:
    """Return the key that a record should have been written under, when it lies elsewhere; "" when all is well."""
    key = agent.keys(record)[0] if agent.keyed else ""
    count = one.topic.partitions or PARTITIONS
    return key if key and (one.key != key or one.partition != partition_of(key.encode(), count)) else ""


def differences(log: Log, folds: dict[str, Fold]) -> list[Difference]:
    """Compare the log with the folds: every output as a multiset, every state row by row. Empty = equal."""
    found = [_outputs(log, topic, folds) for topic in OUTPUTS] + [_state(log, it, folds) for it in STATES]
    return [one for one in found if one.lost or one.extra]


def _outputs(log: Log, topic: Topic, folds: dict[str, Fold]) -> Difference:
    due: Counter[Found] = Counter(
        (emit.key, CODEC.encode(emit.record)) for fold in folds.values() for emit in fold.emitted if emit.topic == topic
    )
    there: Counter[Found] = Counter((one.key, one.value) for one in log[topic.name] if _readable(one))
    return _difference(topic, due, there)


def _readable(one: Landed) -> bool:
    """Tell whether it is a record at all: what is none was not made by a worker, and is buried as somebody's poison."""
    try:
        return isinstance(one.record, Record)
    except Rejected:
        return False


def _state(log: Log, topic: Topic, folds: dict[str, Fold]) -> Difference:
    shared = topic in SHARED
    due: Counter[Found] = Counter(
        (f"{partition}:{key}" if shared else key, CODEC.encode(row))
        for fold in folds.values()
        for (table, partition, key), row in fold.rows.items()
        if table == topic.name
    )
    last = {(one.partition, one.key): one.value for one in log[topic.name]}
    there: Counter[Found] = Counter(
        (f"{partition}:{key}" if shared else key, value)
        for (partition, key), value in last.items()
        if value is not None
    )
    return _difference(topic, due, there)


def _difference(topic: Topic, due: Counter[Found], there: Counter[Found]) -> Difference:
    lost, extra = due - there, there - due
    sample = next(iter(lost or extra), ("", b""))[0]
    shown = sample.encode(errors="backslashreplace").decode()  # a key may be any bytes
    return Difference(topic.name, sum(lost.values()), sum(extra.values()), shown)


def pump(folds: Iterable[Fold], raw: Iterable[Emit], partitions: int = PARTITIONS) -> Iterator[Emit]:
    """Put raw events through these folds one by one, and yield what they emit that none of them takes."""
    takes = {topic.name: fold for fold in folds for topic in fold.agent.inputs}
    waiting = deque(raw)
    while waiting:
        emit = waiting.popleft()
        if fold := takes.get(emit.topic.name):
            partition = partition_of(emit.key.encode(), emit.topic.partitions or partitions)
            waiting.extendleft(reversed(fold.apply(partition, emit.record)))
        else:
            yield emit


def imagined(raw: Iterable[Emit], partitions: int = PARTITIONS) -> dict[str, LeadProfile]:
    """Return every lead's profile, had these raw events gone through a pipeline one by one."""
    folds = {agent.name: Fold(agent) for agent in pipeline()}
    for _ in pump(folds.values(), raw, partitions):
        pass  # what leaves the pipeline: only its state is asked for
    rows = folds["qualify"].rows.items()
    return {key: row for (_, _, key), row in rows if isinstance(row, LeadProfile)}
