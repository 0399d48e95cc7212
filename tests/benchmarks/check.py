"""Did an engine do the work? Its decisions against those that the fold makes of the very touchpoints it has written."""

from typing import NamedTuple, cast

from schemas.records import RoutedLead
from schemas.topics import LEADS_ROUTED, TOUCHPOINTS
from streams.engine.fold import Fold
from tests.benchmarks.flow import agents
from tests.pipeline import landed


class Decided(NamedTuple):
    """Decisions in the log: `due` by the fold, `lost` of those, and `extra` (repeated, or nobody's)."""

    due: int
    lost: int
    extra: int

    def __str__(self) -> str:
        """So many of so many."""
        return f"{self.due - self.lost:,} of {self.due:,}" + (f", {self.extra} repeated" if self.extra else "")


def decided(bootstrap: str) -> Decided:
    """Compare what lies in the log with the fold. The fold costs as long as the engine did."""
    fold = Fold(agents()[1])
    for one in landed(bootstrap, TOUCHPOINTS):
        fold.apply(one.partition, one.record)
    due = {cast("RoutedLead", it.record).decision_id for it in fold.emitted if it.topic is LEADS_ROUTED}
    made = [cast("RoutedLead", one.record).decision_id for one in landed(bootstrap, LEADS_ROUTED)]
    return Decided(len(due), len(due - set(made)), len(made) - len(due & set(made)))
