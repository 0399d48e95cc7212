"""The rotation is fair at every moment, and no cap is ever exceeded."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from schemas.records import Roster
from streams.domain.rotation import Owner, share, take_turn
from tests.builders import NOON

DAY_S = 86_400.0
WEIGHTS = st.lists(st.integers(1, 20), min_size=1, max_size=10)


@given(WEIGHTS)
def test_nobody_is_ever_more_than_one_lead_away_from_their_share(weights: list[int]) -> None:
    owners = tuple(Owner(f"owner{i}", weight) for i, weight in enumerate(weights))
    roster, got = Roster(pool="sales"), Counter[str]()
    for turn in range(1, 2 * sum(weights) + 1):
        taken = take_turn(roster, owners, NOON)
        roster = taken.roster
        got[taken.owner] += 1
        assert all(abs(got[it.name] - it.weight * turn / sum(weights)) <= 1 for it in owners)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.none() | st.integers(0, 4)), min_size=1, max_size=5),
    st.lists(st.integers(0, 3), max_size=60),
)
def test_caps_hold_on_every_day_and_a_lead_is_left_over_only_when_all_are_full(
    terms: list[tuple[int, int | None]], days: list[int]
) -> None:
    owners = tuple(Owner(f"owner{i}", weight, cap) for i, (weight, cap) in enumerate(terms))
    roster, got = Roster(pool="sales"), Counter[tuple[int, str]]()
    for day in days:
        taken = take_turn(roster, owners, NOON + day * DAY_S)
        roster = taken.roster
        if taken.owner:
            got[roster.day, taken.owner] += 1
            assert [it.owner for it in taken.candidates if not it.excluded] == [taken.owner]
        else:
            assert all(it.weight == 0 or got[roster.day, it.name] == it.cap for it in owners)
    caps = {it.name: it.cap for it in owners}
    assert all(cap is None or count <= cap for (_, name), count in got.items() for cap in [caps[name]])


@given(st.integers(0, 1_000), st.integers(1, 64))
def test_the_shares_of_all_partitions_are_the_cap(cap: int, partitions: int) -> None:
    shares = [share(cap, partition, partitions) for partition in range(partitions)]
    assert sum(shares) == cap
    assert max(shares) - min(shares) <= 1
