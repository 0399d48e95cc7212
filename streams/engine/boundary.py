"""The boundary that nothing raises past: a slice of records through an agent's step, each applied, re-keyed or buried.

The event's fault (`Rejected`, or any exception of the step: that is `crash`) becomes a dead letter with the bytes and
the reason, in the same transaction. The world's fault is the round's business (`streams.engine.rounds`).
"""

import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol, cast

from schemas.codec import Codec
from schemas.keys import partition_of
from schemas.letters import LARGEST, letter
from schemas.records import Audit, Record, Tally
from schemas.registry import RegistryUnavailable
from schemas.rejected import Reason, Rejected
from schemas.step import Agent, Alarm, Applied, Arrival, States
from schemas.topics import AUDIT, DEAD_LETTERS, Emit, Topic
from streams.engine.alarms import Woken, hint, wake
from streams.engine.outbox import Aborted, Outbox
from streams.engine.store import StoreBroken
from streams.engine.table import Table
from streams.engine.traces import Traces

log = logging.getLogger(__name__)
WORLDS_FAULT = (StoreBroken, RegistryUnavailable, Aborted)
DEAD_LETTER = "dead_letter"
REKEYED = "rekeyed"
Send = tuple[str, bytes, bytes]  # topic, key, value


class Raw(Protocol):
    """A consumed record, as aiokafka has it. `timestamp` in milliseconds."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class Slice(NamedTuple):
    """Consecutive records of one partition."""

    topic: str
    partition: int
    records: Sequence[Raw]


class Batch(NamedTuple):
    """What one round holds for one agent: the value of the one event that its stream gets."""

    agent: str
    slices: tuple[Slice, ...]


@dataclass
class _Row:
    """A row of state where a consumed record is asked for."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


class Met(NamedTuple):
    """What became of a record; `reason` is a dead letter's."""

    fate: str
    reason: str = ""


def _arrival(part: Slice, raw: Raw) -> Arrival:
    return Arrival(part.topic, raw.key or b"", raw.value, raw.headers, raw.timestamp / 1000)


_met = lru_cache(Met)  # of the few fates that there are


class Boundary:
    """Applies slices for one agent. `partitions` = how many the keyed topics have; `traces` is told of traced records.

    All that is made of a traced record carries its trace on. Steps know nothing of it.
    """

    def __init__(
        self, agent: Agent, codec: Codec, outbox: Outbox, partitions: int, traces: Traces | None = None
    ) -> None:
        self.agent = agent
        self._codec, self._outbox, self._partitions = codec, outbox, partitions
        self._inputs: dict[str, Topic] = {topic.name: topic for topic in agent.inputs}
        self._traces = traces

    def apply(self, part: Slice, tables: Sequence[Table], emitted: list[Emit]) -> Counter[Met]:
        """Put every record of the slice through the step; return how many met which fate. Raises the world's faults."""
        fates: Counter[tuple[int, Met]] = Counter()
        leaned_on = self.agent.lean()
        total: Counter[Met] = Counter()
        traces, outbox = self._traces, self._outbox
        for raw in part.records:
            if traces is not None and raw.headers:
                outbox.headers = traces.enter(self.agent.name, raw.headers)
            try:
                met = _met(self._one(part, raw, tables, emitted))
            except Rejected as rejected:
                met = self._bury(part, raw, rejected.reason, rejected.detail)
            except WORLDS_FAULT:
                raise
            except Exception as error:
                at = {"topic": part.topic, "partition": part.partition, "offset": raw.offset}
                log.exception("a step crashed", extra={"agent": self.agent.name, **at})
                met = self._bury(part, raw, Reason.CRASH, type(error).__name__)
            if traces is not None and outbox.headers:
                traces.leave(met.fate, met.reason)
                outbox.headers = None
            fates[raw.timestamp // 60_000, met] += 1
            if self.agent.alarm is not None and met.fate not in (DEAD_LETTER, REKEYED):
                total += self._wake(part, raw, tables, emitted)
        self._audit(part, fates, leaned_on)
        for (_, met), count in fates.items():
            total[met] += count
        return total

    def _one(self, part: Slice, raw: Raw, tables: Sequence[Table], emitted: list[Emit]) -> str:
        agent, encode = self.agent, self._codec.encode
        record, adopted = self._read(part, raw)
        keys = agent.keys(record)
        if agent.keyed and keys[0] and self._misplaced(keys[0].encode(), raw.key, part.partition):
            return self._move(part, keys[0].encode(), encode(record) if adopted else raw.value or b"")
        states = tuple([table.get(key) for table, key in zip(tables, keys, strict=True)])
        after, emits, fate = agent.step(states, record)
        sends = self._fit(tables, keys, after, emits)
        if agent.alarm is not None:  # may raise, so before anything is put: what is buried has changed no row
            hint(tables[0].alarms(agent.alarm.due), agent.alarm, keys[0], states[0], after[0])
        for table, of, old, new in zip(tables, keys, states, after, strict=True):
            if new is not old:
                table.put(of, new)
        for name, sent_key, value in sends:
            self._outbox.send(name, sent_key, value)
        emitted += emits
        return fate

    def _wake(self, part: Slice, raw: Raw, tables: Sequence[Table], emitted: list[Emit]) -> Counter[Met]:
        """Wake what is due by now; return the rows that could not be, by what they met: the record is not at fault."""
        alarm, met = cast("Alarm", self.agent.alarm), Counter[Met]()
        keys = self.agent.keys(self._read(part, raw)[0])
        sends: list[Send] = []

        def fit(of: Sequence[str], rung: Applied) -> None:
            sends[:] = self._fit(tables, of, rung.states, rung.emits)

        for woken in wake(alarm, tables[0].alarms(alarm.due), keys, tables, fit):
            if woken.failed is not None:
                met[self._bury_row(part, raw, tables[0], woken)] += 1
                continue
            for name, sent_key, value in sends:
                self._outbox.send(name, sent_key, value)
            emitted += woken.emits
        return met

    def _fit(self, tables: Sequence[Table], keys: Sequence[str], rows: States, emits: Sequence[Emit]) -> list[Send]:
        """Return what a step sends. Raises when that, or a row of its, cannot be encoded or is too large."""
        encode = self._codec.encode
        sends = [(topic.name, key.encode(), encode(made)) for topic, key, made in emits]
        for name, sent_key, value in sends:
            if len(sent_key) + len(value) > LARGEST:
                raise Rejected(Reason.INVALID_VALUE, f"makes a record of {len(value)} bytes for {name}")
        for table, of, new in zip(tables, keys, rows, strict=True):
            if table.careful:
                table.measure(of, new)
        return sends

    def _bury_row(self, part: Slice, raw: Raw, table: Table, woken: Woken) -> Met:
        failed, at = woken.failed, {"topic": table.changelog.name, "partition": part.partition}
        key, value = table.encoded(woken.key, woken.row)
        place, row = Slice(table.changelog.name, part.partition, ()), _Row(raw.offset, raw.timestamp, key, value)
        if isinstance(failed, Rejected):
            return self._bury(place, row, failed.reason, failed.detail)
        log.error("a row that was due crashed its step", exc_info=failed, extra={"agent": self.agent.name, **at})
        return self._bury(place, row, Reason.CRASH, type(failed).__name__)

    def _read(self, part: Slice, raw: Raw) -> tuple[Record, bool]:
        """Return the record that the agent's step knows, and whether it was made of something else."""
        foreign = self.agent.foreign
        if foreign is not None and raw.headers and (found := foreign.envelope(_arrival(part, raw))) is not None:
            return found, True
        record = self._codec.decode(raw.value, self._inputs[part.topic].records)
        if foreign is None or type(record) is foreign.own:
            return record, False
        return foreign.adopt(record, _arrival(part, raw)), True

    def _move(self, part: Slice, key: bytes, value: bytes) -> str:
        """Send a record on to where it belongs. Its own key may be larger than the one it came under."""
        if len(key) + len(value) > LARGEST:
            raise Rejected(Reason.INVALID_VALUE, f"makes a record of {len(key) + len(value)} bytes under its own key")
        self._outbox.send(part.topic, key, value)
        return REKEYED

    def _misplaced(self, expected: bytes, key: bytes | None, partition: int) -> bool:
        """Tell whether a record lies where its key does not belong: it would meet another's state."""
        return key != expected or partition_of(expected, self._partitions) != partition

    def _bury(self, part: Slice, raw: Raw, reason: Reason, detail: str) -> Met:
        if log.isEnabledFor(logging.DEBUG):
            at = {"topic": part.topic, "partition": part.partition, "offset": raw.offset}
            log.debug(
                "a record is buried", extra={"agent": self.agent.name, "reason": str(reason), "why": detail, **at}
            )
        buried = letter(
            (part.topic, part.partition, raw.offset),
            raw.key or b"",
            raw.value or b"",
            headers=raw.headers,
            stage=self.agent.name,
            reason=reason,
            detail=detail,
            failed_at=time.time(),
        )
        self._send(Emit(DEAD_LETTERS, buried.id, buried))
        return Met(DEAD_LETTER, reason)

    def _audit(self, part: Slice, fates: Counter[tuple[int, Met]], leaned_on: int) -> None:
        counts: Counter[tuple[int, str]] = Counter()
        for (minute, met), count in fates.items():
            counts[minute, met.fate] += count
        tallies = [Tally(minute=minute, fate=fate, count=count) for (minute, fate), count in sorted(counts.items())]
        audit = Audit(
            agent=self.agent.name,
            topic=part.topic,
            partition=part.partition,
            first_offset=part.records[0].offset,
            last_offset=part.records[-1].offset,
            tallies=tallies,
            leaned_on=leaned_on,
        )
        self._send(Emit(AUDIT, self.agent.name, audit))

    def _send(self, emit: Emit) -> None:
        self._outbox.send(emit.topic.name, emit.key.encode(), self._codec.encode(emit.record))
