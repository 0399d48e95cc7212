"""The stages, read aloud."""

import pytest

from schemas.records import OutcomeKind, Stage
from streams.domain.lifecycle import CONVERSIONS, SIGNALS, TRANSITIONS, Signal, advance
from streams.domain.profile import STAGES

STORIES = {
    "a lead that is ready, accepted, met and won becomes a customer": (
        [Signal.IDENTIFIED, Signal.SCORED_READY, Signal.SALES_ACCEPTED, Signal.MEETING_HELD, Signal.WON],
        Stage.CUSTOMER,
    ),
    "a rejected lead is recycled and may be ready again": (
        [Signal.IDENTIFIED, Signal.SCORED_READY, Signal.SALES_REJECTED, Signal.SCORED_READY],
        Stage.MQL,
    ),
    "a high score does not bring back a disqualified lead": (
        [Signal.IDENTIFIED, Signal.DISQUALIFIED, Signal.SCORED_READY],
        Stage.DISQUALIFIED,
    ),
    "a high score does not take back what sales accepted": (
        [Signal.IDENTIFIED, Signal.SCORED_READY, Signal.SALES_ACCEPTED, Signal.SCORED_READY],
        Stage.SAL,
    ),
    "a customer stays a customer whatever the CRM says later": (
        [Signal.WON, Signal.LOST, Signal.DISQUALIFIED, Signal.SALES_REJECTED],
        Stage.CUSTOMER,
    ),
    "nobody is ready before they are known": ([Signal.SCORED_READY], Stage.ANONYMOUS),
}


@pytest.mark.parametrize("story", STORIES, ids=str)
def test_the_story_ends_where_it_should(story: str) -> None:
    signals, end = STORIES[story]
    stage = Stage.ANONYMOUS
    for signal in signals:
        stage = advance(stage, signal)
    assert stage is end


def test_every_outcome_of_a_crm_is_a_signal() -> None:
    assert set(SIGNALS) == set(OutcomeKind)
    assert {OutcomeKind.WON, OutcomeKind.MEETING} <= CONVERSIONS < set(OutcomeKind)


def test_every_stage_can_be_reached_and_has_its_rank() -> None:
    assert set(TRANSITIONS.values()) | {Stage.ANONYMOUS} == set(Stage) == set(STAGES)


def test_only_recycling_goes_back() -> None:
    back = {(old, new) for (old, _), new in TRANSITIONS.items() if STAGES.index(new) < STAGES.index(old)}
    assert {new for _, new in back} <= {Stage.RECYCLED, Stage.CUSTOMER}
