"""A population of known leads: their rows as the changelogs hold them, and page views by any of them."""

import json
import random
from collections.abc import Iterator

from confluent_kafka import Producer

from connectors.sources import SOURCES, Request
from schemas.keys import pseudonym
from schemas.records import LeadProfile, Visitor
from schemas.topics import LEADS_PROFILES, VISITORS
from tests.benchmarks.flow import Sent
from tests.pipeline import CODEC, QUIET
from tests.reference import imagined
from tests.traffic import ENDS, PEPPER, raw_events, received, settings

SAMPLE_EVENTS = 3_000
DAY_S = 86_400.0


def address(number: int) -> str:
    """Return a lead's e-mail address."""
    return f"lead{number}@company{number % 5_000}.example"


def fill(bootstrap: str, leads: int) -> int:
    """Write the rows of so many leads to their changelogs; return the bytes of one, on average, keys left out.

    The profiles are those of a sample that came by its history through the fold, again and again under other ids.
    """
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "partitioner": "murmur2_random",
            "linger.ms": 50,
            "compression.type": "lz4",
            "queue.buffering.max.messages": 200_000,
            **QUIET,
        }
    )
    sample = [CODEC.encode(row).split(row.lead_id.encode(), 1) for row in _sample()]
    size = 0
    for number in range(leads):
        lead, visitor = pseudonym("e", address(number), PEPPER), pseudonym("v", str(number), PEPPER)
        row = CODEC.encode(Visitor(visitor_id=visitor, lead_id=lead, identified=True, at=ENDS - DAY_S))
        profile = lead.encode().join(sample[number % len(sample)])
        size += len(row) + len(profile)
        for topic, key, value in ((VISITORS, visitor, row), (LEADS_PROFILES, lead, profile)):
            while True:
                try:
                    producer.produce(topic.name, value, key.encode())
                except BufferError:
                    producer.poll(0.1)
                else:
                    break
        producer.poll(0)
    assert producer.flush(120) == 0
    return size // leads


def page_views(leads: int, events: int, seed: int = 7) -> Iterator[Sent]:
    """Yield page views, each by any of the leads."""
    rng = random.Random(seed)
    source = next(kind for kind in SOURCES.values() if "/v1/page" in kind.paths)(settings())
    for number in range(events):
        lead = rng.randrange(leads)
        body = {
            "type": "page",
            "messageId": f"p{number}",
            "anonymousId": str(lead),
            "context": {"traits": {"email": address(lead)}},
            "properties": {"path": rng.choice(("/", "/pricing", "/docs/start", "/blog/launch"))},
        }
        (part,) = source.split(Request("POST", "/v1/page", {}, json.dumps(body).encode(), ENDS))
        emit = received(source, part)
        yield Sent(emit.topic.name, emit.key.encode(), CODEC.encode(emit.record))


def _sample() -> list[LeadProfile]:
    """Return profiles of identified leads, as a month of traffic makes them."""
    return [row for row in imagined(raw_events(SAMPLE_EVENTS)).values() if row.lead_id.startswith("e-")]
