"""The log of touchpoints once more: the same fold, with the same model version at each offset, or with another.

Which version scored which offsets is in the audit, written in the transaction that scored them. A version that is no
longer kept is learned again: a version is the number of examples learned, and learning is the same each time. Where the
examples are gone, too, the newest older version stands in, and the records that concerns are counted.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from schemas.keys import partition_of
from schemas.learning import ModelSnapshot, TrainingExample
from schemas.records import Audit, LeadProfile, Record
from schemas.rejected import Rejected
from schemas.topics import LEADS_PROFILES, TOUCHPOINTS, Emit
from streams.agents.qualify import make_qualify
from streams.domain.blend import Blend
from streams.domain.card import Card
from streams.domain.hazards import ENDS_S
from streams.domain.routing import Routing
from streams.domain.snapshots import SCORECARD, sign
from streams.engine.fold import Fold

QUALIFY = "qualify"


class Used:
    """Which version scored which offsets of a partition, from the audits of `qualify` in any order."""

    def __init__(self, audits: Iterable[Audit]) -> None:
        spans: dict[int, dict[int, int]] = {}
        for audit in audits:
            if audit.agent == QUALIFY and audit.topic == TOUCHPOINTS.name and audit.leaned_on >= 0:
                spans.setdefault(audit.partition, {})[audit.first_offset] = audit.leaned_on
        self._spans = {partition: sorted(of.items()) for partition, of in spans.items()}

    def version(self, partition: int, offset: int) -> int:
        """Return the version that scored an offset; that of the first audit there is where it lies before all.

        >>> def one(first, version):
        ...     at = {"agent": "qualify", "topic": "touchpoints", "partition": 0, "last_offset": first}
        ...     return Audit(first_offset=first, tallies=[], leaned_on=version, **at)
        >>> used = Used([one(40, 3), one(10, 2)])
        >>> [used.version(0, offset) for offset in (9, 10, 39, 40, 999)]
        [2, 2, 2, 3, 3]
        """
        spans = self._spans.get(partition, [])
        at = bisect_right(spans, offset, key=lambda span: span[0])
        return spans[max(at - 1, 0)][1] if spans else SCORECARD

    def versions(self) -> Counter[int]:
        """Return how many slices each version scored."""
        return Counter(version for of in self._spans.values() for _, version in of)


def learned_again(
    examples: Iterable[TrainingExample],
    wanted: Collection[int],
    snapshot_key: bytes,
    ends: Sequence[float] = ENDS_S,
) -> dict[int, ModelSnapshot]:
    """Return the wanted versions, learned from all the examples there ever were, in their order."""
    from streams.domain.learning import Learner  # takes seconds to load, and few need it

    found: dict[int, ModelSnapshot] = {}
    learner, version, last = Learner.restore(None, ends), 0, max(wanted, default=0)
    for example in examples:
        if version >= last:
            break
        try:
            version += learner.learn(example)
        except Rejected:  # as it was then
            continue
        if version in wanted and version not in found:
            found[version] = sign(learner.snapshot(version, example.labelled_at), snapshot_key)
    return found


class Replay:
    """qualify, folded over touchpoints with whichever of the kept versions one says."""

    def __init__(self, kept: Mapping[int, ModelSnapshot], card: Card, routing: Routing, partitions: int) -> None:
        self._kept, self._card, self._partitions = kept, card, partitions
        self._scorers = {SCORECARD: Blend(card)}
        self._now = self._scorers[SCORECARD]
        self.fold = Fold(make_qualify(lambda: self._now, routing, partitions))
        self.stood_in: Counter[int] = Counter()

    def apply(self, partition: int, key: str, record: Record, version: int) -> tuple[Emit, ...]:
        """Fold one record as a version scores it; return what it emits. One under a wrong key is passed over."""
        due = self.fold.agent.keys(record)[0]
        if due and (key != due or partition_of(due.encode(), self._partitions) != partition):
            return ()
        self._now = self._scorers.get(version) or self._scorer(version)
        emits = self.fold.apply(partition, record)
        self.fold.emitted.clear()  # whoever folds a month keeps what they want of it
        return emits

    def begin_as(self, other: "Replay", partition: int) -> None:
        """Take over the state that another replay has of a partition."""
        self.fold.rows.update({at: row for at, row in other.fold.rows.items() if at[1] == partition})

    def lead(self, partition: int, lead_id: str) -> LeadProfile | None:
        """Return what is known of a lead by now."""
        row = self.fold.rows.get((LEADS_PROFILES.name, partition, lead_id))
        return row if isinstance(row, LeadProfile) else None

    def _scorer(self, version: int) -> Blend:
        snapshot = self._kept.get(version)
        if snapshot is None:
            self.stood_in[version] += 1
            older = max((kept for kept in self._kept if kept < version), default=SCORECARD)
            return self._scorers.get(older) or self._scorer(older)
        self._scorers[version] = scorer = Blend(self._card, snapshot)
        return scorer
