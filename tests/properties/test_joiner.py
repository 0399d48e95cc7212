"""Questions and answers joined: each bucket of each snapshot teaches once, whatever the order in which answers come."""

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from schemas.learning import Pending, Snapshot
from streams.domain import joiner
from streams.domain.hazards import DAY_S, ENDS_S
from streams.domain.joiner import Closed

DAYS = st.integers(1, 60)
NOBODY = Pending(lead_id="e-1")
VERDICT = len(ENDS_S)


def snapshot(day: float) -> Snapshot:
    return Snapshot(features={"pages_7d": day}, score=0.5, model_version=1, asked_at=day * DAY_S)


def folded(asked: list[int], won: list[int], watermarks: list[int]) -> list[Closed]:
    """All that a lead's snapshots teach: asked in order, its conversions told at once, closed as the watermark goes."""
    pending, found = NOBODY, []
    for day in sorted(asked):
        pending = joiner.ask(pending, snapshot(day))
    for day in won:
        pending, _ = joiner.answer(pending, day * DAY_S)
    for day in [*sorted(watermarks), 200]:
        pending, closed = joiner.close(pending, day * DAY_S)
        found += closed
    assert pending.snapshots == []
    assert joiner.due(pending) is None
    return found


@given(st.lists(DAYS, max_size=8), st.lists(DAYS, max_size=3), st.lists(DAYS, max_size=5), st.randoms())
def test_the_order_of_outcomes_their_repeats_and_the_steps_of_the_clock_change_nothing(
    asked: list[int], won: list[int], clock: list[int], rng: Random
) -> None:
    straight = folded(asked, won, [])
    shuffled = won * 2
    rng.shuffle(shuffled)
    assert Counter(map(repr, folded(asked, shuffled, clock))) == Counter(map(repr, straight))


@given(st.lists(DAYS, max_size=8), st.lists(DAYS, max_size=3))
def test_a_snapshot_is_taken_by_each_bucket_until_it_converts_and_by_none_after(
    asked: list[int], won: list[int]
) -> None:
    first = min(won, default=1000)
    found = folded(asked, won, [])
    for number, day in enumerate(sorted(asked), 1):
        mine = [it for it in found if it.snapshot.number == number]
        if day >= first:
            assert mine == []
            continue
        due = [day * DAY_S + end for end in ENDS_S]
        last = next((k for k, at in enumerate(due) if first * DAY_S <= at), len(ENDS_S) - 1)
        won_at_last = int(first * DAY_S <= due[last])
        assert [it.bucket for it in mine] == [*range(last + 1), VERDICT]
        assert [it.label for it in mine] == [0] * last + [won_at_last] * 2
        assert mine[-1].at == due[-1]
        assert {it.weight for it in mine} == {number**-0.5}


def test_nothing_is_taught_before_its_bucket_has_closed() -> None:
    pending = joiner.ask(NOBODY, snapshot(1))
    pending, _ = joiner.answer(pending, 2 * DAY_S)
    assert joiner.due(pending) == 4 * DAY_S
    assert joiner.close(pending, 4 * DAY_S - 1)[1] == []
    assert [it.label for it in joiner.close(pending, 4 * DAY_S)[1]] == [1]


def test_an_outcome_after_the_horizon_is_said_to_be_late_and_teaches_nothing() -> None:
    pending, in_time = joiner.answer(joiner.ask(NOBODY, snapshot(1)), 40 * DAY_S)
    assert not in_time
    assert [it.label for it in joiner.close(pending, 100 * DAY_S)[1]] == [0, 0, 0, 0, 0]


def test_an_outcome_that_comes_when_its_bucket_has_closed_ends_the_snapshot() -> None:
    pending, closed = joiner.close(joiner.ask(NOBODY, snapshot(1)), 5 * DAY_S)
    assert [it.label for it in closed] == [0]
    pending, in_time = joiner.answer(pending, 2 * DAY_S)
    assert (pending.snapshots, in_time) == ([], False)


def test_who_has_converted_is_not_asked_again_and_who_asks_much_is_bounded() -> None:
    converted, _ = joiner.answer(NOBODY, 2 * DAY_S)
    assert joiner.ask(converted, snapshot(3)) is converted
    pending = NOBODY
    for day in range(joiner.MOST + 5):
        pending = joiner.ask(pending, snapshot(day))
    assert len(pending.snapshots) == joiner.MOST


def test_of_who_has_gone_nothing_more_is_learned() -> None:
    pending = joiner.withdraw(joiner.ask(NOBODY, snapshot(1)))
    assert joiner.close(pending, 100 * DAY_S)[1] == []
    assert joiner.ask(pending, snapshot(2)).snapshots[0].number == 2
