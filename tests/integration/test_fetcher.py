"""The fetcher on a real broker: notices in, events out, whatever the platform does meanwhile."""

import asyncio
import json
import uuid

import pytest

from connectors import deadletters, kafka
from connectors.deadletters import Wanted
from connectors.egress.http import Answer, Retry
from connectors.fetcher import build
from connectors.settings import Connection
from connectors.sources.contract import Part
from connectors.wrapping import wrapped
from schemas.codec import Codec
from schemas.registry import FileRegistry
from schemas.topics import EVENTS_AD, NOTICES
from streams.runtime.handle import BrokerHandle
from tests.collecting import collecting
from tests.contract.sources.senders import NOW
from tests.contract.sources.senders import settings as of_collector
from tests.pipeline import fresh_topics
from tests.unit.connectors.test_fetchers import META, Platforms, settings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


def test_each_notice_becomes_its_event_or_a_dead_letter_while_the_platform_comes_and_goes(broker: BrokerHandle) -> None:
    fresh_topics(broker.bootstrap)
    given = settings(KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap)
    platforms = Platforms(Retry(None, "timeout"), Answer(503, b""), Answer(429, b"", 0.01), Answer(404, b"{}"))
    platforms.always = Answer(200, json.dumps(META).encode())
    with collecting(of_collector(KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap, LEADSTREAM_COLLECTOR_PORT="0")) as collector:
        producer, codec = kafka.producer(given, 10.0), Codec(FileRegistry(), ("RawEvent",))
        for n in range(6):
            notice = wrapped("meta_ads", Part(f"{n}", "leadgen", f"v-{n}", b"{}"), NOW)
            producer.produce(NOTICES.name, codec.encode(notice), notice.key)
        producer.flush()
        asyncio.run(_until(broker, platforms, 6 + 3))
        brought = [raw for _, raw in collector.stored(EVENTS_AD)]
    assert [(raw.source, raw.endpoint, raw.event_id, raw.received_at) for raw in brought] == [
        ("meta_ads", "lead", "204", NOW)
    ] * 5
    letters = deadletters.read(Connection.read({"KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap}), Wanted())
    assert [letter.detail for letter in letters if letter.stage == "fetcher"] == ["meta_ads: status 404"]


async def _until(broker: BrokerHandle, platforms: Platforms, asked: int) -> None:
    """Run a fetcher until the platform was asked so often, and what it said is written."""
    given = settings(KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap)
    fetching = build(given, platforms, group=f"fetch-{uuid.uuid4().hex}", schedule=(0.01,))
    task = asyncio.create_task(fetching.run())
    async with asyncio.timeout(60):
        while len(platforms.asked) < asked:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    fetching.stop()
    await task
