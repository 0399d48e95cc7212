"""The engine's memory twin: the same agents over the same records, without Kafka, Faust or a clock.

It is what replay runs, and what the kill tests compare with: state must equal the fold over the log.
"""

from collections import Counter, defaultdict

from schemas.records import Record
from schemas.rejected import Reason, Rejected
from schemas.step import Agent
from schemas.topics import Emit


class Fold:
    """One agent folded over records. `rows` holds each table's state by (table, partition, key)."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.rows: dict[tuple[str, int, str], Record] = {}
        self.emitted: list[Emit] = []
        self.fates: Counter[str] = Counter()
        self.rejected: defaultdict[Reason, list[Record]] = defaultdict(list)

    def apply(self, partition: int, record: Record) -> tuple[Emit, ...]:
        """Put one record through the step; return what it emits. The event's fault is counted, not raised."""
        tables = [table.name for table in self.agent.tables]
        self.agent.lean()
        try:
            keys = self.agent.keys(record)
            states = tuple(self.rows.get((table, partition, key)) for table, key in zip(tables, keys, strict=True))
            applied = self.agent.step(states, record)
        except Rejected as rejected:
            return self._reject(rejected.reason, record)
        except Exception:  # noqa: BLE001 - as the boundary does
            return self._reject(Reason.CRASH, record)
        for table, key, row in zip(tables, keys, applied.states, strict=True):
            if row is None:
                self.rows.pop((table, partition, key), None)
            else:
                self.rows[table, partition, key] = row
        self.emitted.extend(applied.emits)
        self.fates[applied.fate] += 1
        return applied.emits

    def bury(self, reason: Reason, record: Record | None = None) -> None:
        """Count a record that cannot be used, or not even be read."""
        self.fates["dead_letter"] += 1
        if record is not None:
            self.rejected[reason].append(record)

    def _reject(self, reason: Reason, record: Record) -> tuple[Emit, ...]:
        self.bury(reason, record)
        return ()
