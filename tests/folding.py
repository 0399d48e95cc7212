"""All leads at once, in memory: what qualify sends to touchpoints comes back, as it does on the topic."""

from collections import deque
from typing import cast

from schemas.keys import partition_of
from schemas.learning import Pending, Snapshot
from schemas.records import LeadProfile, Link, Record, RoutedLead
from schemas.step import Applied
from schemas.topics import LEADS_CONVERSIONS, TOUCHPOINTS
from streams.agents.qualify import make_qualify
from streams.cards import card
from streams.domain.blend import Blend
from streams.domain.routing import Routing
from tests.builders import NOON, hex_id

__all__ = ["SCORER", "World", "link"]

SCORER = Blend(card())


class World:
    """All leads at once: what is emitted to touchpoints comes back, as it does on the topic."""

    def __init__(self, routing: Routing | None = None, partitions: int = 1) -> None:
        self.agent = make_qualify(lambda: SCORER, routing or Routing(), partitions)
        self.rows: dict[tuple[int, str], Record | None] = {}
        self.sent: list[Record] = []
        self.conversions: list[RoutedLead] = []
        self.fates: list[str] = []
        self.partitions = partitions

    def tell(self, *records: Record) -> "World":
        waiting = deque(records)
        while waiting:
            applied = self._step(waiting.popleft())
            self.fates.append(applied.fate)
            for emit in applied.emits:
                assert emit.key == emit.record.lead_id  # type: ignore[attr-defined]
                if emit.topic is LEADS_CONVERSIONS:
                    self.conversions.append(cast("RoutedLead", emit.record))
                else:
                    (waiting if emit.topic is TOUCHPOINTS else self.sent).append(emit.record)
        return self

    def _step(self, record: Record) -> Applied:
        lead_id, pool = self.agent.keys(record)
        here = partition_of(lead_id.encode(), self.partitions)
        keys = (-1, lead_id), (here, pool)
        applied = self.agent.step(tuple(self.rows.get(key) for key in keys), record)
        self.rows.update(zip(keys, applied.states, strict=True))
        return applied

    def lead(self, lead_id: str) -> LeadProfile:
        row = self.rows[-1, lead_id]
        assert isinstance(row, LeadProfile)
        return row

    @property
    def routed(self) -> list[RoutedLead]:
        return [it for it in self.sent if isinstance(it, RoutedLead)]

    @property
    def questions(self) -> list[Snapshot]:
        return [asked for it in self.sent if isinstance(it, Pending) for asked in it.snapshots]


def link(lead_id: str, into: str, number: int = 50) -> Link:
    cause = hex_id(f"cause {number}")
    return Link(
        id=hex_id(lead_id + into),
        lead_id=lead_id,
        into=into,
        cause=cause,
        occurred_at=NOON + number,
        received_at=NOON + number,
    )
