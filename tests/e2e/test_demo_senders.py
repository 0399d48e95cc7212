"""The demo's senders at a real collector: what they are told is what the collector has stored."""

import asyncio
from collections import Counter

from connectors.settings import CollectorSettings
from schemas.topics import EVENTS
from streams.demo.generator import generate
from streams.demo.ledger import Ledger
from streams.demo.senders import Keys, Senders, sendgrid_key
from streams.runtime.handle import BrokerHandle
from tests.collecting import collecting

ENDS = 1_795_000_000.0  # the traffic's own clock: what is sent must not depend on the day


def settings(broker: BrokerHandle, sendgrid: str) -> CollectorSettings:
    return CollectorSettings.read(
        {
            "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap,
            "LEADSTREAM_COLLECTOR_PORT": "0",
            "LEADSTREAM_PEPPER": "sixteen bytes or more",
            "LEADSTREAM_WRITE_KEYS": "site:write",
            "LEADSTREAM_CRM_KEYS": "crm:outcomes",
            "LEADSTREAM_GOOGLE_KEY": "google",
            "LEADSTREAM_SENDGRID_PUBLIC_KEY": sendgrid,
        }
    )


def test_what_the_ledger_says_is_stored_is_stored(broker: BrokerHandle) -> None:
    private, public = sendgrid_key()
    ledger = Ledger()
    with collecting(settings(broker, public)) as collector:
        senders = Senders(collector.url, Keys("write", "outcomes", "google", private), rate=0.0)
        asyncio.run(senders.play(generate(11, 500, ENDS), ledger))
        stored = Counter(event.event_id for topic in EVENTS.values() for _, event in collector.stored(topic))
    assert stored == ledger.accepted
    assert ledger.refused.keys() == {"invalid_json", "no_user_anon_id"}
    assert ledger.sent == ledger.taken + ledger.refused.total()


def test_senders_with_the_wrong_keys_are_told_so(broker: BrokerHandle) -> None:
    private, _ = sendgrid_key()
    _, public = sendgrid_key()
    ledger = Ledger()
    with collecting(settings(broker, public)) as collector:
        asyncio.run(
            Senders(collector.url, Keys("a", "b", "c", private), rate=0.0).play(generate(12, 200, ENDS), ledger)
        )
        assert not any(collector.stored(topic) for topic in EVENTS.values())
    assert ledger.taken == 0
    assert ledger.refused.total() == ledger.sent
