"""What our app tells Faust, that Faust takes it, and what the defaults that we count on are."""

import asyncio
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from faust.exceptions import SecurityWarning
from faust.serializers import codecs
from faust.types.enums import ProcessingGuarantee

from streams.engine.app import NEVER_S, build
from streams.engine.config import Config
from tests.pipeline import CODEC
from tests.unit.faust.memory import Log, raw, running, stock, until
from tests.worker import pipeline

DEFAULTS = {
    "producer_threaded": False,  # F26: its threads end with a TypeError
    "stream_publish_on_commit": False,  # F9
    "processing_guarantee": ProcessingGuarantee.AT_LEAST_ONCE,  # B.3: exactly_once is not
}


@pytest.mark.parametrize("distribution", ["faust-streaming", "aiokafka"])
def test_the_versions_that_all_this_was_found_in_are_pinned_and_installed(distribution: str, repository: Path) -> None:
    # F32. These tests are what to run, and to read, before a pin moves.
    wanted = tomllib.loads((repository / "pyproject.toml").read_text())["project"]["dependencies"]
    [pinned] = [it.rpartition("==")[2] for it in wanted if it.split("[")[0].split("==")[0] == distribution]
    assert version(distribution) == pinned == {"faust-streaming": "0.15.3", "aiokafka": "0.14.0"}[distribution]


def test_faust_takes_what_our_app_tells_it() -> None:
    # F17, F20, F27.
    async def scenario() -> None:
        config = Config({"bootstrap.servers": "127.0.0.1:1", "log_level": 0}, session_s=9.0, round_records=77)
        conf: Any = build(pipeline(), config, CODEC).conf
        told = {
            "id": config.group,
            "broker_session_timeout": 9.0,
            "broker_heartbeat_interval": 3.0,
            "broker_rebalance_timeout": config.rebalance_s,
            "broker_request_timeout": NEVER_S,
            "broker_max_poll_interval": NEVER_S,
            "broker_max_poll_records": 77,
            "consumer_auto_offset_reset": "earliest",
            "stream_wait_empty": True,
            "stream_recovery_delay": 0.0,
            "topic_allow_declare": False,
            "topic_disable_leader": True,
            "web_enabled": False,
        }
        assert {name: getattr(conf, name) for name in told} == told
        assert {name: getattr(conf, name) for name in DEFAULTS} == DEFAULTS
        assert NEVER_S > 24 * 3600

    asyncio.run(scenario())


@pytest.mark.parametrize(("allowed", "made"), [(True, ["in"]), (False, [])])
def test_faust_makes_topics_unless_told_not_to(allowed: bool, made: list[str]) -> None:
    # F27: with one replica. Ours: told not to; `connectors.kafka.ensure` makes them as they are declared.
    async def scenario() -> None:
        log = Log()
        app = stock(log, topic_allow_declare=allowed)
        await raw(app, "in").declare()
        assert log.created == made

    asyncio.run(scenario())


def test_a_codec_of_fausts_runs_whatever_a_record_says() -> None:
    # F30. Ours: keys and values are raw bytes in Faust (`test_overrides.py`), Avro in our own codec.
    with pytest.warns(SecurityWarning, match="arbitrary code"):
        assert codecs.loads("pickle", codecs.dumps("pickle", {"a": 1})) == {"a": 1}
    assert codecs.loads("raw", b"\x80\x04.") == b"\x80\x04."


def test_no_reply_or_leader_topic_is_asked_for_by_an_app_without_them() -> None:
    # A subscription to a topic that nobody makes would keep a group from settling.
    async def scenario() -> None:
        log = Log()
        app = stock(log)

        @app.agent(raw(app, "in"))
        async def run(stream: Any) -> None:
            async for _ in stream:
                pass

        asked: list[set[str]] = []
        subscribe = app.consumer._thread.subscribe

        async def noted(topics: Any) -> None:
            asked.append(set(topics))
            await subscribe(topics)

        app.consumer._thread.subscribe = noted
        async with running(app):
            await until(lambda: asked)
        assert asked == [{"in"}]

    asyncio.run(scenario())
