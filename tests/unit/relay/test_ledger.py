"""How far a partition may be committed while its records are settled in any order."""

from hypothesis import given
from hypothesis import strategies as st

from connectors.ledger import Ledger

SPOT = ("leads.routed", 0)


@given(st.permutations(range(8)), st.integers(0, 8))
def test_never_past_a_record_that_is_open_and_never_short_of_one_that_is_settled(order: list[int], count: int) -> None:
    ledger = Ledger()
    for offset in range(8):
        ledger.begin(SPOT, offset * 3)  # control records leave holes between offsets
    for offset in order[:count]:
        ledger.settle(SPOT, offset * 3)
    open_ = sorted(set(range(8)) - set(order[:count]))
    behind = open_[0] if open_ else 8
    assert ledger.settled() == ({SPOT: (behind - 1) * 3 + 1} if behind else {})


def test_what_was_told_once_is_not_told_again() -> None:
    ledger = Ledger()
    ledger.begin(SPOT, 7)
    ledger.settle(SPOT, 7)
    assert ledger.settled() == {SPOT: 8}
    assert ledger.settled() == {}


def test_a_partition_is_full_while_one_record_holds_the_others_up() -> None:
    ledger = Ledger()
    for offset in range(4):
        ledger.begin(SPOT, offset)
    for offset in range(1, 4):
        ledger.settle(SPOT, offset)
    ledger.settled()
    assert ledger.full(4) == {SPOT}
    ledger.settle(SPOT, 0)
    ledger.settled()
    assert ledger.full(4) == set()


def test_a_delivery_that_ends_after_its_partition_was_taken_away_counts_for_nothing() -> None:
    ledger = Ledger()
    ledger.begin(SPOT, 1)
    ledger.forget(SPOT)
    ledger.settle(SPOT, 1)
    assert ledger.settled() == {}
