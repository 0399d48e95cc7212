"""The view's writes: in any order, any number of times, the same view. On a real Redis."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from connectors.store import Change, Forget, Store
from schemas.records import Consent, Kind, LeadProfile, Outcome, OutcomeKind, Stage
from streams.runtime.handle import RedisHandle
from tests.builders import NOON, profile, routed, touchpoint


@pytest.fixture
def client(redis_server: RedisHandle) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_server.url) as connected:
        yield connected


@pytest.fixture
def store(client: redis.Redis) -> Store:
    return Store(client)


@pytest.fixture
def lead(topic_prefix: str) -> str:
    return f"e-{topic_prefix}"


def history(lead: str) -> list[Change]:
    """A lead's life: touched, scored three times, routed twice."""
    return [
        *(touchpoint(lead, number) for number in range(1, 6)),
        *(profile(lead, version, score=version / 10, touches=version) for version in range(1, 4)),
        *(routed(lead, seq) for seq in (1, 2)),
        Outcome(id="o1", lead_id=lead, kind=OutcomeKind.MEETING, occurred_at=NOON + 9, received_at=NOON + 9),
    ]


@pytest.mark.parametrize("seed", range(8))
def test_shuffled_and_repeated_records_leave_the_same_lead(store: Store, lead: str, seed: int) -> None:
    told = history(lead) * 2
    random.Random(seed).shuffle(told)
    store.write(told)
    found = store.lead(lead)
    assert found is not None
    assert (found.profile["version"], found.profile["touches"]) == (3, 3)
    assert found.decision is not None
    assert found.decision["route_seq"] == 2
    assert [entry.told["kind"] for entry in found.timeline] == ["page"] * 5 + ["outcome: meeting"]
    assert [entry.at for entry in found.timeline] == [NOON + at for at in (1, 2, 3, 4, 5, 9)]


def test_what_is_told_again_because_a_machine_did_it_is_shown_once_and_says_so(store: Store, lead: str) -> None:
    click = touchpoint(lead, 1, page="/pricing", kind=Kind.EMAIL_CLICK)
    undone = touchpoint(lead, 1, kind=Kind.EMAIL_CLICK, weight=0.0, weight_reason="scanner clicks")
    for told in ([click, undone, touchpoint(lead, 2)], [undone, click]):
        store.write([profile(lead), *told])
        found = store.lead(lead)
        assert found is not None
        assert [entry.at for entry in found.timeline] == [NOON + 1, NOON + 2]
        assert (found.timeline[0].told["page"], found.timeline[0].told["not_counted"]) == ("/pricing", "scanner clicks")


def test_only_the_last_fifty_touches_are_kept_whatever_came_first(store: Store, lead: str) -> None:
    told = [touchpoint(lead, number) for number in range(80)]
    random.Random(1).shuffle(told)
    store.write([profile(lead), *told])
    found = store.lead(lead)
    assert found is not None
    assert [entry.at for entry in found.timeline] == [NOON + number for number in range(30, 80)]


@pytest.mark.parametrize("seed", range(8))
def test_a_lead_that_was_absorbed_leads_to_the_one_that_absorbed_it(store: Store, lead: str, seed: int) -> None:
    visitor = lead.replace("e-", "v-")
    told: list[Change] = [
        touchpoint(visitor, 1),
        touchpoint(visitor, 2),
        profile(visitor, 1, score=0.2),
        profile(visitor, 2, merged_into=lead),
        touchpoint(lead, 3, kind=Kind.FORM),
        profile(lead, 1, score=0.8),
    ]
    random.Random(seed).shuffle(told)
    store.write(told)
    found = store.lead(visitor)
    assert found is not None
    assert (found.asked, found.profile["lead_id"]) == (visitor, lead)
    assert [entry.at for entry in found.timeline] == [NOON + 1, NOON + 2, NOON + 3]
    ids = [hot["lead_id"] for hot in store.hottest(10_000)]
    assert lead in ids
    assert visitor not in ids


def test_the_hottest_come_first_and_closed_leads_are_not_among_them(store: Store, lead: str) -> None:
    store.write(
        [
            profile(f"{lead}a", score=0.4),
            profile(f"{lead}b", score=0.9),
            profile(f"{lead}c", score=1.0),
            profile(f"{lead}c", 2, score=1.0, stage=Stage.CUSTOMER),
        ]
    )
    ids = [hot["lead_id"] for hot in store.hottest(10_000) if hot["lead_id"].startswith(lead)]
    assert ids == [f"{lead}b", f"{lead}a"]


def test_a_forgotten_lead_leaves_nothing_behind(store: Store, client: redis.Redis, lead: str) -> None:
    store.write([*history(lead), Forget(lead)])
    assert store.lead(lead) is None
    assert list(client.scan_iter(f"*{lead}*")) == []
    assert client.zscore("leads:hot", lead) is None


def test_a_lead_that_comes_back_after_it_was_forgotten_is_shown_again(store: Store, lead: str) -> None:
    store.write([profile(lead, 7), Forget(lead), profile(lead, 1)])
    found = store.lead(lead)
    assert found is not None
    assert found.profile["version"] == 1


def test_personal_fields_do_not_get_into_the_view(store: Store, client: redis.Redis, lead: str) -> None:
    store.write([profile(lead, person=b"jane@example.com"), routed(lead, 1, {"email": "jane@example.com"})])
    assert "jane" not in str(client.hgetall(f"lead:{lead}"))


def test_places_move_on_from_where_they_are_known_to_be(store: Store, topic_prefix: str) -> None:
    spot, other = (topic_prefix, 0), (topic_prefix, 1)
    assert store.places({spot, other}) == {spot: 0, other: 0}
    assert store.write([], {spot: (0, 7), other: (0, 0)})
    assert store.places({spot, other}) == {spot: 7, other: 0}
    assert not store.write([], {spot: (3, 9), other: (0, 2)})
    assert store.places({spot, other}) == {spot: 7, other: 2}


def test_a_redis_emptied_before_the_first_move_is_noticed(
    store: Store, client: redis.Redis, lead: str, topic_prefix: str
) -> None:
    spot = (topic_prefix, 0)
    start = store.places({spot})[spot]
    client.hdel("leads:read", f"{topic_prefix}/0")
    assert not store.write([profile(lead)], {spot: (start, 1)})
    assert store.places({spot}) == {spot: 0}


def erased(lead: str, version: int, route_seq: int = 3, **changed: Any) -> LeadProfile:
    """What is left of a lead that was erased 10 s past noon."""
    return LeadProfile(lead_id=lead, version=version, route_seq=route_seq, erased_at=NOON + 10, **changed)


@pytest.mark.parametrize("seed", range(12))
def test_of_an_erased_lead_nothing_is_left_whatever_is_read_again(
    store: Store, client: redis.Redis, lead: str, seed: int
) -> None:
    user = lead.replace("e-", "u-")
    absorbed = [*history(user), profile(user, 4, merged_into=lead)]
    told = [*absorbed, *history(lead), erased(lead, 9), routed(lead, 3, erased_at=NOON + 10), touchpoint(lead, 99)]
    random.Random(seed).shuffle(told)
    store.write([*told, *told])
    assert (store.lead(lead), store.lead(user)) == (None, None)
    assert {key.decode() for key in client.scan_iter(f"*{lead[2:]}")} == {f"lead:{lead}", f"lead:{user}"}
    left = client.hgetall(f"lead:{lead}")
    assert left == {b"version": b"9", b"route_seq": b"3", b"erased_at": b"1790000010.0", b"profile": b"", b"into": b""}
    assert b"decision" not in client.hgetall(f"lead:{user}")
    assert client.zscore("leads:hot", lead) is client.zscore("leads:hot", user) is None


@pytest.mark.parametrize("seed", range(8))
def test_an_erased_lead_that_comes_back_is_shown_as_it_is_since(store: Store, lead: str, seed: int) -> None:
    back = erased(lead, 10, 4, consent={"contact": Consent(granted=True, at=NOON + 20)}, touches=1)
    told = [*history(lead), erased(lead, 9), routed(lead, 4), back]
    random.Random(seed).shuffle(told)
    store.write([*told, touchpoint(lead, 20, consent={"contact": True})])
    found = store.lead(lead)
    assert found is not None
    assert (found.profile["touches"], [entry.at for entry in found.timeline]) == (1, [NOON + 20])
    assert found.decision is not None
    assert found.decision["route_seq"] == 4


@pytest.mark.parametrize("seed", range(12))
def test_who_was_absorbed_by_who_was_absorbed_leaves_no_timeline_behind_when_they_are_erased(
    store: Store, client: redis.Redis, lead: str, seed: int
) -> None:
    user, visitor = lead.replace("e-", "u-"), lead.replace("e-", "v-")
    told: list[Change] = [
        *(touchpoint(one, number) for one in (visitor, user, lead) for number in (1, 2)),
        profile(visitor, 2, merged_into=user),
        profile(user, 2, merged_into=lead),
        profile(lead, 1),
        erased(lead, 9),
    ]
    random.Random(seed).shuffle(told)
    store.write([*told, touchpoint(visitor, 3), touchpoint(user, 4)])
    assert list(client.scan_iter(f"*{lead[2:]}:timeline")) == []


@pytest.mark.parametrize("seed", range(8))
def test_a_chain_of_absorbed_leads_leaves_one_timeline(store: Store, lead: str, seed: int) -> None:
    user, visitor = lead.replace("e-", "u-"), lead.replace("e-", "v-")
    told: list[Change] = [
        *(touchpoint(one, number) for number, one in enumerate((visitor, user, lead), 1)),
        profile(visitor, 2, merged_into=user),
        profile(user, 2, merged_into=lead),
        profile(lead, 1),
    ]
    random.Random(seed).shuffle(told)
    store.write(told)
    found = store.lead(visitor)
    assert found is not None
    assert [entry.at for entry in found.timeline] == [NOON + 1, NOON + 2, NOON + 3]


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ({"consent": {"analytics": True}}, 0),
        ({"consent": {"contact": True}, "person": {"email": "jane@example.com"}}, 1),
        ({"consent": {"contact": True}, "person": {"email": "jane@example.com"}, "weight": 0.0}, 0),
        ({"person": {"email": "jane@example.com"}}, 0),
    ],
    ids=["a device allows", "they allow", "a list says so", "they are silent"],
)
def test_of_who_was_erased_and_is_not_back_only_what_brings_them_back_is_written(
    store: Store, client: redis.Redis, lead: str, told: dict[str, Any], kept: int
) -> None:
    store.write([erased(lead, 9), touchpoint(lead, 99, **told)])
    assert len(list(client.scan_iter(f"*{lead[2:]}:timeline"))) == kept


def test_a_device_allows_something_again_for_who_is_known_by_it(store: Store, client: redis.Redis, lead: str) -> None:
    user = lead.replace("e-", "u-")
    store.write([erased(user, 9), touchpoint(user, 99, consent={"analytics": True})])
    assert client.zcard(f"lead:{user}:timeline") == 1
