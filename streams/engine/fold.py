"""The engine's memory twin: the same agents over the same records, without Kafka, Faust or a clock.

It is what replay runs, and what the kill tests compare with: state must equal the fold over the log.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from schemas.records import Record
from schemas.rejected import Reason, Rejected
from schemas.step import Agent, Alarm
from schemas.topics import Emit
from streams.engine.alarms import Alarms, hint, wake


class _Part(NamedTuple):
    """One partition of one table."""

    rows: dict[tuple[str, int, str], Record]
    table: str
    partition: int

    def get(self, key: str) -> Record | None:
        return self.rows.get((self.table, self.partition, key))

    def put(self, key: str, row: Record | None) -> None:
        if row is None:
            self.rows.pop((self.table, self.partition, key), None)
        else:
            self.rows[self.table, self.partition, key] = row


class Fold:
    """One agent folded over records. `rows` holds each table's state by (table, partition, key)."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.rows: dict[tuple[str, int, str], Record] = {}
        self.emitted: list[Emit] = []
        self.fates: Counter[str] = Counter()
        self.rejected: defaultdict[Reason, list[Record]] = defaultdict(list)
        self._alarms: dict[int, Alarms] = {}

    def apply(self, partition: int, record: Record) -> tuple[Emit, ...]:
        """Put one record through the step; return what it emits. The event's fault is counted, not raised."""
        tables = [table.name for table in self.agent.tables]
        self.agent.lean()
        alarm = self.agent.alarm
        if alarm and partition not in self._alarms:
            self._alarms[partition] = Alarms(self._hints(alarm, partition))
        try:
            keys = self.agent.keys(record)
            states = tuple(self.rows.get((table, partition, key)) for table, key in zip(tables, keys, strict=True))
            applied = self.agent.step(states, record)
            if alarm:
                hint(self._alarms[partition], alarm, keys[0], states[0], applied.states[0])
        except Rejected as rejected:
            return self._reject(rejected.reason, record)
        except Exception:  # noqa: BLE001 - as the boundary does
            return self._reject(Reason.CRASH, record)
        parts = [_Part(self.rows, table, partition) for table in tables]
        for part, key, row in zip(parts, keys, applied.states, strict=True):
            part.put(key, row)
        emits = applied.emits
        if alarm:
            emits += self._wake(alarm, self._alarms[partition], keys, parts)
        self.emitted.extend(emits)
        self.fates[applied.fate] += 1
        return emits

    def _wake(self, alarm: Alarm, alarms: Alarms, keys: Sequence[str], parts: Sequence[_Part]) -> tuple[Emit, ...]:
        emits: list[Emit] = []
        for woken in wake(alarm, alarms, keys, parts):
            emits += woken.emits
            if woken.failed is not None:
                self.bury(Reason.CRASH, woken.row)
        alarms.commit()
        return tuple(emits)

    def _hints(self, alarm: Alarm, partition: int) -> Iterator[tuple[float, str]]:
        """Read a partition's alarms off the rows that were there before anything was folded."""
        name = self.agent.tables[0].name
        for (table, of, key), row in self.rows.items():
            if (table, of) == (name, partition) and (at := alarm.due(row)) is not None:
                yield at, key

    def bury(self, reason: Reason, record: Record | None = None) -> None:
        """Count a record that cannot be used, or not even be read."""
        self.fates["dead_letter"] += 1
        if record is not None:
            self.rejected[reason].append(record)

    def _reject(self, reason: Reason, record: Record) -> tuple[Emit, ...]:
        self.bury(reason, record)
        return ()
