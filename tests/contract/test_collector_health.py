"""The collector when the broker goes and comes back: nothing is thanked for that is not stored."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from confluent_kafka import Producer

from connectors.health import TRIES, Health
from connectors.kafka import ensure, producer
from connectors.outbox import Outbox
from connectors.settings import CollectorSettings
from schemas.topics import EVENTS_CRM, EVENTS_WEB, TOPICS
from streams.runtime.broker import FOR_TESTS, start_broker
from streams.runtime.handle import BrokerHandle
from streams.runtime.provider import Wish
from tests.collecting import Collecting, collecting
from tests.contract.sources.senders import basic, settings


def track(name: str) -> bytes:
    return b'{"anonymousId":"a-1","event":"x","messageId":"%s"}' % name.encode()


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[BrokerHandle]:
    """A broker of our own, to be stopped."""
    handle = start_broker(Wish(tmp_path, quick=True), "embedded", FOR_TESTS)
    yield handle
    handle.stop()


@pytest.fixture
def collector(mortal: BrokerHandle) -> Iterator[Collecting]:
    with collecting(over(mortal)) as running:
        yield running


def over(broker: BrokerHandle) -> CollectorSettings:
    return settings(
        KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap, LEADSTREAM_COLLECTOR_PORT="0", LEADSTREAM_ACK_DEADLINE_S="1.5"
    )


def eventually(collector: Collecting, path: str, status: int) -> None:
    until = time.monotonic() + 20
    while (answer := collector.ask(path)).status != status:
        assert time.monotonic() < until, answer
        time.sleep(0.1)


def test_without_a_broker_the_answer_is_503_with_a_reason_and_readiness_turns_red_then_green(
    collector: Collecting, mortal: BrokerHandle
) -> None:
    eventually(collector, "/readyz", 200)
    assert collector.ask("/v1/track", track("before"), **basic()).status == 200
    mortal.stop()
    began = time.monotonic()
    answer = collector.ask("/v1/track", track("during"), **basic())
    assert (answer.status, answer.json()["code"]) == (503, "not_stored")
    assert answer.headers["retry-after"]
    assert time.monotonic() - began < 3 * collector.settings.ack_deadline_s
    eventually(collector, "/readyz", 503)
    red = collector.ask("/readyz")
    assert "KAFKA_BOOTSTRAP_SERVERS" in str(red.json()["message"])
    assert collector.ask("/healthz").status == 200  # a restart would not mend the broker
    mortal.restart()
    eventually(collector, "/readyz", 200)
    assert collector.ask("/v1/track", track("after"), **basic()).status == 200
    assert collector.bodies(EVENTS_WEB) == [track("before"), track("after")]


def test_a_collector_that_stops_answers_what_is_under_way(mortal: BrokerHandle) -> None:
    with ThreadPoolExecutor(4) as pool, collecting(over(mortal)) as collector:
        mortal.stop()  # so that requests stay under way for a while
        asked = [pool.submit(collector.ask, "/v1/track", track(f"m-{n}"), **basic()) for n in range(4)]
        time.sleep(0.5)
    assert [answer.result().status for answer in asked] == [503] * 4


def test_readiness_names_the_topics_that_nobody_has_made(mortal: BrokerHandle) -> None:
    given = over(mortal)
    health = Health(Outbox(partial(producer, given, given.ack_deadline_s), given.ack_deadline_s), given)
    ensure(given, [topic for topic in TOPICS if topic is not EVENTS_CRM])
    assert asyncio.run(health._look()) == "topic events.crm is missing; run `leadstream topics ensure`"
    ensure(given)
    assert asyncio.run(health._look()) == ""


def test_a_producer_that_has_lost_its_brokers_is_replaced_and_one_whose_brokers_are_away_is_not(
    mortal: BrokerHandle,
) -> None:
    given, made = over(mortal), list[Producer]()

    def lost_at_first() -> Producer:
        lost = Producer({"bootstrap.servers": "127.0.0.1:1", "log_level": 0})
        made.append(producer(given, given.ack_deadline_s) if made else lost)
        return made[-1]

    async def looks(health: Health, times: int) -> list[str]:
        return [await health._look() for _ in range(times)]

    ensure(given)
    health = Health(Outbox(lost_at_first, 0.2), given)
    *red, green = asyncio.run(looks(health, TRIES + 1))
    assert all("takes no writes (deadline)" in why for why in red)
    assert green == ""
    assert len(made) == 2
    mortal.stop()
    assert all("KAFKA_BOOTSTRAP_SERVERS" in why for why in asyncio.run(looks(health, 2)))
    assert len(made) == 2
