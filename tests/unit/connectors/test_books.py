"""The books: late is not lost, lost is found, and what comes after closing is counted by itself."""

import pytest

from connectors.books import Books
from schemas.records import Audit, Tally

SPOT = ("events.web", 0)


def audit(first: int, last: int, minute: int = 7, **fates: int) -> Audit:
    tallies = [Tally(minute=minute, fate=fate, count=count) for fate, count in fates.items()]
    return Audit(
        agent="resolve", topic=SPOT[0], partition=SPOT[1], first_offset=first, last_offset=last, tallies=tallies
    )


def books(records: int, *told: Audit) -> Books:
    found = Books(grace_s=60.0)
    for offset in range(records):
        found.enter(*SPOT, offset, 7, 0.0)
    for one in told:
        found.tell(one, 0.0)
    return found


def test_a_window_closes_when_all_of_it_has_been_committed_for_a_while() -> None:
    open_ = books(10, audit(0, 9, touchpoint=7, test=1, rekeyed=2))
    assert open_.close({SPOT: 10}, {SPOT: 10}, 59.0) == []
    [closed] = open_.close({SPOT: 10}, {SPOT: 10}, 60.0)
    assert (closed.records, closed.outcomes, closed.missing) == (10, {"applied": 7, "dropped": 1, "moved": 2}, 0)
    assert open_.open == 0


def test_what_is_late_is_not_lost() -> None:
    open_ = books(10, audit(0, 4, touchpoint=5))
    assert open_.close({SPOT: 5}, {SPOT: 10}, 9_999.0) == []
    assert open_.open == 1


def test_what_we_have_not_read_ourselves_is_waited_for() -> None:
    assert books(5, audit(0, 9, touchpoint=10)).close({SPOT: 10}, {SPOT: 5}, 9_999.0) == []


@pytest.mark.parametrize(("counted", "missing"), [(9, 1), (12, -2)])
def test_a_record_without_a_fate_is_lost_and_a_fate_without_a_record_is_doubled(counted: int, missing: int) -> None:
    [closed] = books(10, audit(0, 9, touchpoint=counted)).close({SPOT: 10}, {SPOT: 10}, 60.0)
    assert closed.missing == missing


def test_a_straggler_opens_its_minute_again_and_closes_it_even() -> None:
    open_ = books(3, audit(0, 2, touchpoint=3))
    open_.close({SPOT: 3}, {SPOT: 3}, 60.0)
    open_.enter(*SPOT, 3, 7, 100.0)
    open_.tell(audit(3, 3, deduplicated=1), 100.0)
    [closed] = open_.close({SPOT: 4}, {SPOT: 4}, 160.0)
    assert (closed.records, closed.missing) == (1, 0)
