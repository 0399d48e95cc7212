"""How large rounds become: never beyond their bounds, and always small enough to get through in the end."""

from hypothesis import given
from hypothesis import strategies as st

from streams.engine.pace import Pace

MOST = 4000
seconds = st.floats(1e-6, 1e4)
rounds = st.lists(st.tuples(st.integers(1, MOST), seconds, seconds, st.booleans()), max_size=50)


@given(rounds)
def test_a_round_takes_one_record_at_least_and_never_more_than_allowed(
    history: list[tuple[int, float, float, bool]],
) -> None:
    pace = Pace(MOST, transaction_s=15.0)
    for records, fold_s, commit_s, through in history:
        if through:
            pace.committed(records, fold_s, commit_s)
        else:
            pace.undone(records)
        assert 1 <= pace.limit <= MOST


def test_rounds_grow_where_commits_are_slow() -> None:
    quick, slow = Pace(MOST, 15.0), Pace(MOST, 15.0)
    for _ in range(5):
        quick.committed(records=500, fold_s=0.05, commit_s=0.005)
        slow.committed(records=500, fold_s=0.05, commit_s=0.015)
    assert slow.limit == 3 * quick.limit


def test_records_that_take_long_do_not_outlast_their_transaction() -> None:
    pace = Pace(MOST, transaction_s=10.0)
    pace.committed(records=4, fold_s=8.0, commit_s=5.0)
    assert pace.limit * 2.0 <= 10.0


def test_a_round_that_never_gets_through_shrinks_to_one_record_and_grows_again_when_it_does() -> None:
    pace = Pace(MOST, transaction_s=15.0)
    for _ in range(20):
        pace.undone(pace.limit)
    assert pace.limit == 1
    for _ in range(20):
        pace.committed(pace.limit, fold_s=0.0001 * pace.limit, commit_s=0.05)
    assert pace.limit == MOST


@given(st.floats(1e-6, 0.1))
def test_a_worker_that_knows_nothing_yet_takes_no_round_that_outlasts_its_transaction(record_s: float) -> None:
    pace = Pace(MOST, transaction_s=15.0)
    for _ in range(20):
        records = pace.limit
        assert records * record_s < 15.0
        pace.committed(records, fold_s=records * record_s, commit_s=0.05)
