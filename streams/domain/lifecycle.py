"""Where a lead stands: a table you can read aloud. What is not in it changes nothing.

Forward only, but for RECYCLED: sales gave the lead back, and it may come again.
"""

from schemas.choice import Choice
from schemas.records import OutcomeKind, Stage


class Signal(Choice):
    """What moves a lead."""

    IDENTIFIED = "identified"
    SCORED_READY = "scored_ready"
    SALES_ACCEPTED = "sales_accepted"
    SALES_REJECTED = "sales_rejected"
    MEETING_HELD = "meeting_held"
    WON = "won"
    LOST = "lost"
    DISQUALIFIED = "disqualified"


TRANSITIONS: dict[tuple[Stage, Signal], Stage] = {
    (Stage.ANONYMOUS, Signal.IDENTIFIED): Stage.LEAD,
    (Stage.LEAD, Signal.SCORED_READY): Stage.MQL,
    (Stage.RECYCLED, Signal.SCORED_READY): Stage.MQL,
    (Stage.LEAD, Signal.SALES_ACCEPTED): Stage.SAL,
    (Stage.MQL, Signal.SALES_ACCEPTED): Stage.SAL,
    (Stage.RECYCLED, Signal.SALES_ACCEPTED): Stage.SAL,
    (Stage.LEAD, Signal.MEETING_HELD): Stage.SQL,
    (Stage.MQL, Signal.MEETING_HELD): Stage.SQL,
    (Stage.SAL, Signal.MEETING_HELD): Stage.SQL,
    (Stage.RECYCLED, Signal.MEETING_HELD): Stage.SQL,
    (Stage.LEAD, Signal.SALES_REJECTED): Stage.RECYCLED,
    (Stage.MQL, Signal.SALES_REJECTED): Stage.RECYCLED,
    (Stage.SAL, Signal.SALES_REJECTED): Stage.RECYCLED,
    (Stage.LEAD, Signal.LOST): Stage.RECYCLED,
    (Stage.MQL, Signal.LOST): Stage.RECYCLED,
    (Stage.SAL, Signal.LOST): Stage.RECYCLED,
    (Stage.SQL, Signal.LOST): Stage.RECYCLED,
    **{(stage, Signal.WON): Stage.CUSTOMER for stage in Stage},
    **{(stage, Signal.DISQUALIFIED): Stage.DISQUALIFIED for stage in Stage if stage is not Stage.CUSTOMER},
}
SIGNALS = {
    OutcomeKind.ACCEPTED: Signal.SALES_ACCEPTED,
    OutcomeKind.REJECTED: Signal.SALES_REJECTED,
    OutcomeKind.MEETING: Signal.MEETING_HELD,
    OutcomeKind.OPPORTUNITY: Signal.MEETING_HELD,
    OutcomeKind.WON: Signal.WON,
    OutcomeKind.LOST: Signal.LOST,
    OutcomeKind.DISQUALIFIED: Signal.DISQUALIFIED,
}
UNSOLD = frozenset({Stage.ANONYMOUS, Stage.LEAD, Stage.MQL})  # sales has not spoken: what happens is not their doing
CONVERSIONS = frozenset({OutcomeKind.MEETING, OutcomeKind.OPPORTUNITY, OutcomeKind.WON})


def advance(stage: Stage, signal: Signal) -> Stage:
    """Return the stage after a signal.

    >>> advance(Stage.MQL, Signal.SALES_ACCEPTED), advance(Stage.CUSTOMER, Signal.LOST)
    (<Stage.SAL: 'sal'>, <Stage.CUSTOMER: 'customer'>)
    """
    return TRANSITIONS.get((stage, signal), stage)
