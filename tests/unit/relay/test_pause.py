"""How long a lead waits for its next attempt."""

from hypothesis import given
from hypothesis import strategies as st

from connectors.lane import SCHEDULE_S, pause_s


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_a_pause_never_outgrows_the_schedule_by_more_than_a_fifth(attempt: int, luck: float) -> None:
    assert SCHEDULE_S[0] <= pause_s(attempt, None, luck) <= SCHEDULE_S[-1] * 1.2


@given(st.integers(0, 10), st.floats(0, 3_600), st.floats(0, 1))
def test_a_destination_is_never_asked_earlier_than_it_said(attempt: int, asked_s: float, luck: float) -> None:
    assert pause_s(attempt, asked_s, luck) >= asked_s
