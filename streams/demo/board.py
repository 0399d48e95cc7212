"""What has been seen of the pipeline so far, from the topics it writes: what the table and the summary show."""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import NamedTuple

from schemas.keys import rank
from schemas.learning import ModelSnapshot, TrainingExample
from schemas.records import Audit, DeadLetter, LeadProfile, Record, RoutedLead

SHOWN = 14
AUC = "auc"


class Row(NamedTuple):
    """A routed lead, and how long after its event was received we could read the decision (ms)."""

    routed: RoutedLead
    ms: float


@dataclass
class Board:
    """Counts since `since` (s, UTC): on a broker that was there before, older records are not ours."""

    since: float
    rows: deque[Row] = field(default_factory=lambda: deque(maxlen=SHOWN))
    waits_ms: list[float] = field(default_factory=list)
    decisions: set[str] = field(default_factory=set)
    fates: Counter[tuple[str, str]] = field(default_factory=Counter)
    buried: Counter[str] = field(default_factory=Counter)
    leads: set[str] = field(default_factory=set)
    examples: int = 0
    model: ModelSnapshot | None = None

    @property
    def routed(self) -> int:
        """How many decisions were taken."""
        return len(self.waits_ms)

    @property
    def auc(self) -> float | None:
        """The newest model's own test-then-train AUC: every score was given before its label was known."""
        return None if self.model is None else self.model.metrics.get(AUC)

    def see(self, record: Record, at: float) -> None:
        """Take note of a record that could be read at `at` (s, UTC)."""
        match record:
            case RoutedLead() if record.received_at >= self.since:
                wait_ms = (at - record.received_at) * 1000.0
                self.rows.append(Row(record, wait_ms))
                self.waits_ms.append(wait_ms)
                self.decisions.add(record.decision_id)
            case Audit():
                self._count(record)
            case DeadLetter() if record.failed_at >= self.since:
                self.buried[record.reason] += 1
            case TrainingExample():
                self.examples += 1
            case ModelSnapshot():
                self.model = record
            case LeadProfile():
                self._know(record)

    def _count(self, audit: Audit) -> None:
        """Count what one transaction did with events that arrived in our time."""
        for tally in audit.tallies:
            if tally.minute >= int(self.since // 60):
                self.fates[audit.agent, tally.fate] += tally.count

    def _know(self, profile: LeadProfile) -> None:
        """A lead is somebody identified; one that was absorbed is nobody any more."""
        if profile.merged_into:
            self.leads.discard(profile.lead_id)
        elif rank(profile.lead_id) > 0:
            self.leads.add(profile.lead_id)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of them do not exceed (nearest rank); 0.0 of none.

    >>> percentile([3.0, 1.0, 2.0, 4.0], 0.5), percentile([], 0.99)
    (2.0, 0.0)
    """
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else 0.0
