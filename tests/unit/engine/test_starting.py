"""What a worker does before it joins its group."""

import asyncio
from threading import Event
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from streams.engine import app, transport
from streams.engine.config import Config
from streams.engine.host import Host
from streams.engine.offsets import Kafka
from tests.pipeline import CODEC
from tests.worker import pipeline

NOWHERE: Kafka = {"bootstrap.servers": "127.0.0.1:1", "log_level": 0}


def test_agents_are_ready_before_it_joins_however_long_that_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def prepare() -> None:
        done.append("prepare")
        if done.count("prepare") < 3:
            raise TimeoutError("which model is to score is not known")

    first, *others = pipeline()
    host = Host(Config(NOWHERE), (first._replace(prepare=prepare), *others), CODEC)
    cast("Any", host)._outbox.start = lambda: done.append("take the transactional id over")
    monkeypatch.setattr("streams.engine.host.AGAIN_S", 0.001)
    asyncio.run(host.start())
    assert done == ["take the transactional id over", "prepare", "prepare", "prepare"]


@pytest.mark.parametrize("waits_for", ["its agents", "its brokers"])
def test_a_worker_that_is_to_stop_before_it_has_begun_does(waits_for: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Event()

    def prepare() -> None:
        asked.set()
        raise TimeoutError("which model is to score is not known")

    first, *others = pipeline()
    made = app.build((first._replace(prepare=prepare), *others), Config(NOWHERE), CODEC)
    monkeypatch.setattr("streams.engine.outbox.CALL_S", 0.05)
    monkeypatch.setattr("streams.engine.host.AGAIN_S", 0.001)
    outbox = cast("Any", made.engine)._outbox
    if waits_for == "its agents":
        outbox.start = lambda: None
    else:
        monkeypatch.setattr(outbox, "_replace", asked.set)

    async def scenario() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(app.run(made, stop))
        assert await asyncio.to_thread(asked.wait, 30)
        assert not running.done()
        stop.set()
        await asyncio.wait_for(running, 30)

    asyncio.run(scenario())  # which waits for threads


@pytest.mark.parametrize("kind", [AIOKafkaConsumer, AIOKafkaProducer])
@pytest.mark.parametrize("tries", [2, 99])
def test_a_client_that_no_broker_answers_is_started_again_until_it_is_to_stop(
    kind: Any, tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "AGAIN_S", 0.001)
    made, stopped = list[Any](), list[Any]()
    service = SimpleNamespace(should_stop=False, sleep=asyncio.sleep)

    async def start() -> None:
        made.append(kind(bootstrap_servers="127.0.0.1:1"))
        if len(made) <= tries:
            await made[-1].start()

    async def stop() -> None:
        stopped.append(made[-1])
        await made[-1].stop()
        service.should_stop = len(stopped) == 3

    async def scenario() -> None:
        assert await transport._met(cast("Any", service), start, stop) is (tries == 2)
        await made[-1].stop()

    asyncio.run(scenario())
    assert stopped == made[:tries]
    assert len(made) == 3
