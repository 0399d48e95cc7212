"""Shares: balanced, whole, and no partition moves that need not; also when Faust's assignor has had its say."""

from collections import Counter
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from faust.assignor import PartitionAssignor
from hypothesis import given
from hypothesis import strategies as st

from streams.engine.app import build
from streams.engine.config import Config
from streams.engine.shares import Assignor, balance
from tests.pipeline import CODEC

MEMBERS = st.sampled_from("abcdefg")
HELD = st.dictionaries(MEMBERS, st.frozensets(st.integers(0, 15)), min_size=1)
COMINGS = st.lists(MEMBERS, min_size=1, max_size=12)
APP: Any = build((), Config({"bootstrap.servers": "127.0.0.1:1", "log_level": 0}), CODEC)
Partitions = Mapping[str, int]


@given(HELD, st.integers(1, 12))
def test_shares_are_whole_and_as_large_as_each_other(held: dict[str, frozenset[int]], partitions: int) -> None:
    shares = balance(held, partitions, {})
    assert list(shares) == list(held)
    assert Counter(p for share in shares.values() for p in share) == Counter(range(partitions))
    sizes = [len(share) for share in shares.values()]
    assert max(sizes) - min(sizes) <= 1


@given(COMINGS, st.integers(1, 12))
def test_no_more_moves_than_balance_takes(comings: list[str], partitions: int) -> None:
    shares: dict[str, set[int]] = {}
    for member in comings:  # one that is there leaves
        before = {name: share for name, share in shares.items() if name != member}
        held = {**before, **({} if member in shares else {member: set()})}
        if not held:
            continue
        shares = balance(held, partitions, {})
        least, more = divmod(partitions, len(held))
        sizes = sorted((len(share) for share in held.values()), reverse=True)
        may_stay = sum(min(size, least + (place < more)) for place, size in enumerate(sizes))
        assert sum(len(shares[name] & held[name]) for name in held) == may_stay
        assert balance(shares, partitions, {}) == shares


def test_what_two_lay_claim_to_is_one_s_only() -> None:
    assert balance({"b": {0, 1}, "a": {0, 1}}, 2, {}) == {"b": {1}, "a": {0}}


def test_who_was_away_and_claims_what_others_have_had_since_gets_back_what_they_have_not() -> None:
    assert balance({"a": set(range(12)), "b": set(range(6, 12))}, 12, {}) == {
        "a": set(range(6)),
        "b": set(range(6, 12)),
    }


def test_who_has_more_of_other_topics_gets_what_is_left_over_last() -> None:
    assert balance({"a": set(), "b": set()}, 1, {"a": 2, "b": 1}) == {"a": set(), "b": {0}}


def rebalance(members: Mapping[str, Any], topics: Partitions) -> dict[str, set[tuple[str, int]]]:
    """Let the first member assign, as the group's leader does, and the others hear of it; return who has what."""
    cluster = SimpleNamespace(partitions_for_topic=lambda topic: set(range(topics[topic])))
    told = members[min(members)].assign(cluster, {name: it.metadata(set(topics)) for name, it in members.items()})
    for name, it in members.items():
        it.on_assignment(told[name])
    return {name: it.assigned_actives() for name, it in members.items()}


def sizes(of: Mapping[str, set[tuple[str, int]]], topic: str) -> list[int]:
    """Return how many partitions of the topic each has, the most first."""
    return sorted((sum(name == topic for name, _ in has) for has in of.values()), reverse=True)


@given(COMINGS, st.integers(1, 9))
def test_faust_assigns_what_we_say_while_workers_come_and_go(comings: list[str], partitions: int) -> None:
    topics = {"events.web": partitions, "touchpoints": partitions, "deletions": 1}
    members: dict[str, Any] = {}
    for member in comings:
        if members.pop(member, None) is None:
            members[member] = Assignor(APP, replicas=1)
        if not members:
            continue
        before = {name: it.assigned_actives() for name, it in members.items()}
        has = rebalance(dict(reversed(members.items())), topics)
        for topic, many in topics.items():
            least, more = divmod(many, len(members))
            may_stay = sum(min(size, least + (place < more)) for place, size in enumerate(sizes(before, topic)))
            assert sum(sizes({name: before[name] & has[name] for name in members}, topic)) == may_stay
        assert Counter(place for places in has.values() for place in places) == Counter(
            (topic, p) for topic, many in topics.items() for p in range(many)
        )
        assert all(max(sizes(has, topic)) - min(sizes(has, topic)) <= 1 for topic in topics)
        assert all(
            {p for t, p in of if t == "events.web"} == {p for t, p in of if t == "touchpoints"} for of in has.values()
        )
        assert rebalance(members, topics) == has


def test_who_has_the_only_partition_of_a_topic_has_not_the_larger_share_of_another_too() -> None:
    members: dict[str, Any] = {}
    for name in "abc":
        members[name] = Assignor(APP, replicas=1)
        rebalance(members, {"events.web": 4, "training": 1})
    assert sorted(len(it.assigned_actives()) for it in members.values()) == [1, 2, 2]


def test_during_an_upgrade_who_does_not_take_a_topic_gets_none_of_it() -> None:
    members: dict[str, Any] = {name: Assignor(APP, replicas=1) for name in "abc"}
    takes = {"a": {"old"}, "b": {"old", "new"}, "c": {"old", "new"}}
    cluster = SimpleNamespace(partitions_for_topic=lambda _: set(range(4)))
    told = members["b"].assign(cluster, {name: it.metadata(takes[name]) for name, it in members.items()})
    for name, it in members.items():
        it.on_assignment(told[name])
    has = {name: it.assigned_actives() for name, it in members.items()}
    assert (sizes(has, "old"), sizes(has, "new")) == ([2, 1, 1], [2, 2, 0])
    assert {topic for topic, _ in has["a"]} == {"old"}


def test_a_third_worker_gets_one_of_four_partitions_and_from_faust_alone_none() -> None:
    # Why we have an assignor. It is told 1 replica, Faust's default; told 0, what moves hangs on the members' order.
    def joined(kind: Any) -> list[int]:
        two: dict[str, Any] = {name: kind(APP, replicas=1) for name in "ab"}
        rebalance(two, {"events.web": 4})
        return sizes(rebalance({**two, "c": kind(APP, replicas=1)}, {"events.web": 4}), "events.web")

    assert joined(PartitionAssignor) == [2, 2, 0]
    assert joined(Assignor) == [2, 1, 1]


def test_our_app_has_it() -> None:
    assert type(APP.assignor) is Assignor
    assert APP.assignor.replicas == 1
