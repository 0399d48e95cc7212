"""What a worker does before it joins its group."""

import asyncio
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from streams.engine import transport
from streams.engine.config import Config
from streams.engine.host import Host
from tests.pipeline import CODEC
from tests.worker import pipeline


def test_agents_are_ready_before_it_joins_however_long_that_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def prepare() -> None:
        done.append("prepare")
        if done.count("prepare") < 3:
            raise TimeoutError("which model is to score is not known")

    first, *others = pipeline()
    host = Host(
        Config({"bootstrap.servers": "127.0.0.1:1", "log_level": 0}), (first._replace(prepare=prepare), *others), CODEC
    )
    cast("Any", host)._outbox.start = lambda: done.append("take the transactional id over")
    monkeypatch.setattr("streams.engine.host.AGAIN_S", 0.001)
    asyncio.run(host.start())
    assert done == ["take the transactional id over", "prepare", "prepare", "prepare"]


@pytest.mark.parametrize("kind", [AIOKafkaConsumer, AIOKafkaProducer])
def test_a_client_that_no_broker_answers_is_started_again(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "AGAIN_S", 0.001)
    made: list[Any] = []

    async def start() -> None:
        made.append(kind(bootstrap_servers="127.0.0.1:1"))
        if len(made) < 3:
            await made[-1].start()

    async def stop() -> None:
        await made[-1].stop()

    async def scenario() -> None:
        await transport._met(start, stop)
        await stop()

    asyncio.run(scenario())
    assert len(made) == 3
