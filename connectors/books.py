"""The books of the pipeline: of what came in each minute, what became of it. Kept apart from Kafka, closed by value.

A window is one minute of one input partition. It is closed when the workers have committed all of it, we have read all
of it, and nothing has been added for a while: late records are waited for, so that only what is lost counts as lost.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.records import Audit

__all__ = ["OUTCOMES", "Books", "Closed"]

Spot = tuple[str, int]
OUTCOMES = {
    "consent_dropped": "dropped",
    "suppressed": "dropped",
    "test": "dropped",
    "deduplicated": "deduplicated",
    "link_repeated": "deduplicated",
    "merge_repeated": "deduplicated",
    "dead_letter": "dead_lettered",
    "quarantined": "quarantined",
    "forwarded": "moved",
    "rekeyed": "moved",
}
APPLIED = "applied"


class Closed(NamedTuple):
    """A closed window: how many records came in, and what became of them, by outcome."""

    topic: str
    minute: int
    records: int
    outcomes: Mapping[str, int]

    @property
    def missing(self) -> int:
        """Records without a fate; negative where more met a fate than came in."""
        return self.records - sum(self.outcomes.values())


@dataclass
class _Window:
    changed_at: float
    records: int = 0
    last: int = -1
    outcomes: Counter[str] = field(default_factory=Counter)


class Books:
    """All open windows. `grace_s` = how long a window must have been complete and unchanged. `now` is any one clock."""

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._windows: dict[tuple[str, int, int], _Window] = {}

    def enter(self, topic: str, partition: int, offset: int, minute: int, now: float) -> None:
        """Count one record that lies in an input; `minute` is its timestamp's, as the audit counts."""
        window = self._window(topic, partition, minute, now)
        window.records += 1
        window.last = max(window.last, offset)

    def tell(self, audit: Audit, now: float) -> None:
        """Take in what one transaction did."""
        for tally in audit.tallies:
            window = self._window(audit.topic, audit.partition, tally.minute, now)
            window.outcomes[OUTCOMES.get(tally.fate, APPLIED)] += tally.count

    def close(self, committed: Mapping[Spot, int], read: Mapping[Spot, int], now: float) -> list[Closed]:
        """Return the windows that are closed by now, and forget them.

        `committed` and `read`: by input partition, the next offset that the workers, and we, have yet to take.
        """
        done = []
        for (topic, partition, minute), window in list(self._windows.items()):
            upto = committed.get((topic, partition), 0)
            through = window.last < upto <= read.get((topic, partition), 0)
            if through and now - window.changed_at >= self._grace_s:
                del self._windows[topic, partition, minute]
                done.append(Closed(topic, minute, window.records, window.outcomes))
        return done

    @property
    def open(self) -> int:
        """How many windows are open."""
        return len(self._windows)

    def _window(self, topic: str, partition: int, minute: int, now: float) -> _Window:
        window = self._windows.setdefault((topic, partition, minute), _Window(now))
        window.changed_at = now
        return window
