"""The collector when the broker goes and comes back: nothing is thanked for that is not stored."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from connectors.health import TRIES, Health, watched
from connectors.kafka import ensure, producer
from connectors.outbox import Letter, Outbox
from connectors.settings import CollectorSettings
from schemas.topics import EVENTS_CRM, EVENTS_WEB, PROBES, TOPICS
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


class Lost:
    """Makes a producer that nobody ever answers, and then sound ones, unless it cannot."""

    def __init__(self, given: CollectorSettings) -> None:
        self.given, self.made, self.able = given, 0, True

    def __call__(self) -> Producer:
        self.made += 1
        if not self.able:
            raise KafkaException(KafkaError(KafkaError._FAIL))
        if self.made == 1:
            return Producer({"bootstrap.servers": "127.0.0.1:1", "log_level": 0})
        return producer(self.given, self.given.ack_deadline_s)


async def looks(health: Health, times: int) -> list[str]:
    return [await health._look() for _ in range(times)]


def test_a_producer_that_has_lost_its_brokers_is_replaced(mortal: BrokerHandle) -> None:
    given = over(mortal)
    ensure(given)
    lost = Lost(given)
    *red, green = asyncio.run(looks(Health(Outbox(lost, 0.2), given), TRIES + 1))
    assert all("takes no writes (deadline)" in why for why in red)
    assert (green, lost.made) == ("", 2)


def test_a_producer_that_cannot_be_replaced_yet_is_so_later(mortal: BrokerHandle) -> None:
    given = over(mortal)
    ensure(given)
    lost = Lost(given)
    health = Health(Outbox(lost, 0.2), given)
    lost.able = False
    assert "_FAIL" in asyncio.run(looks(health, TRIES))[-1]
    lost.able = True
    assert asyncio.run(looks(health, TRIES + 1))[-1] == ""


def test_a_producer_is_not_replaced_for_brokers_that_are_away_nor_for_what_they_refuse(
    mortal: BrokerHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = over(mortal)
    lost = Lost(given)
    lost.made = 1
    health = Health(Outbox(lost, given.ack_deadline_s), given)
    ensure(given)
    with monkeypatch.context() as patched:
        patched.setattr(health, "_probes", [Letter(PROBES.name, b"", b"", partition=999)])
        assert all("(_UNKNOWN_PARTITION)" in why for why in asyncio.run(looks(health, TRIES + 1)))
    mortal.stop()
    monkeypatch.setattr("connectors.kafka.PATIENCE_S", 0.2)
    assert all("no broker answers" in why for why in asyncio.run(looks(health, TRIES + 1)))
    assert lost.made == 2


def test_the_watch_outlives_a_fault_of_its_own(mortal: BrokerHandle, monkeypatch: pytest.MonkeyPatch) -> None:
    given = over(mortal)
    health = Health(Outbox(Lost(given), given.ack_deadline_s), given)
    seen: list[str] = []
    three = asyncio.Event()

    async def look() -> str:
        seen.append(health.trouble)
        if len(seen) == 3:
            three.set()
        if len(seen) == 1:
            raise ZeroDivisionError
        return ""

    async def scenario() -> None:
        async with watched(health):
            await three.wait()

    monkeypatch.setattr("connectors.health.EVERY_S", 0.01)
    monkeypatch.setattr(health, "_look", look)
    asyncio.run(asyncio.wait_for(scenario(), 30))
    assert seen == [
        "not asked yet",
        "whether the broker takes writes is not known (ZeroDivisionError, see the log)",
        "",
    ]
