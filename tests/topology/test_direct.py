"""Producers of the customer's own on a real topic: what the CloudEvents SDK sends, and plain Avro, is applied."""

from collections import Counter
from pathlib import Path

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from confluent_kafka import Producer

from connectors.deadletters import Wanted, replay
from connectors.settings import Connection
from schemas.keys import pseudonym
from schemas.records import DeadLetter, PlainEvent, Touchpoint
from schemas.rejected import Reason
from schemas.topics import DEAD_LETTERS, EVENTS_WEB, TOUCHPOINTS
from streams.runtime.handle import BrokerHandle
from tests.pipeline import CODEC, QUIET, Worker, fresh_topics, landed, until
from tests.traffic import PEPPER

pytestmark = pytest.mark.timeout(120)


def event(number: int, **changed: str) -> CloudEvent:
    attributes = {"id": f"e-{number}", "source": "/shop", "type": "page", "datacontenttype": "application/json"}
    return CloudEvent(attributes=attributes | changed, data={"email": f"p{number}@example.com"})


def touched(bootstrap: str) -> Counter[str]:
    found = [one.record for one in landed(bootstrap, TOUCHPOINTS)]
    return Counter(one.lead_id for one in found if isinstance(one, Touchpoint))


def buried(bootstrap: str) -> list[str]:
    found = [one.record for one in landed(bootstrap, DEAD_LETTERS)]
    return sorted(one.reason for one in found if isinstance(one, DeadLetter))


def test_cloudevents_and_plain_avro_become_touchpoints_and_ill_ones_are_buried_with_their_headers(
    broker: BrokerHandle, tmp_path: Path
) -> None:
    fresh_topics(broker.bootstrap)
    producer = Producer({"bootstrap.servers": broker.bootstrap, **QUIET})

    def send(message: KafkaMessage, **headers: str) -> None:
        told = {name: bytes(value) for name, value in message.headers.items()}
        told |= {name: value.encode() for name, value in headers.items()}
        producer.produce(EVENTS_WEB.name, message.value, message.key, headers=[*told.items()])

    for number in range(10):
        send((to_binary_event, to_structured_event)[number % 2](event(number)))
        send((to_structured_event, to_binary_event)[number % 2](event(number)))  # the same event, bound another way
    for number in range(10, 15):
        record = PlainEvent(id=f"e-{number}", type="page", email=f"p{number}@example.com")
        producer.produce(EVENTS_WEB.name, CODEC.encode(record), b"any key")
    send(to_binary_event(event(20)), ce_specversion="9.9")
    send(to_binary_event(event(21)), ce_id=" ")
    assert producer.flush(30) == 0

    worker = Worker(broker.bootstrap, "direct", tmp_path / "worker.log")
    worker.start()
    try:
        until(lambda: touched(broker.bootstrap).total() >= 25 and len(buried(broker.bootstrap)) >= 2)
        assert replay(Connection.read({"KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap}), Wanted()).sent.total() == 2
        until(lambda: len(buried(broker.bootstrap)) >= 4)
    finally:
        worker.kill()
    leads = [pseudonym("e", f"p{number}@example.com", PEPPER) for number in range(15)]
    assert touched(broker.bootstrap) == {lead: 2 if number < 10 else 1 for number, lead in enumerate(leads)}
    assert buried(broker.bootstrap) == sorted([Reason.UNKNOWN_SCHEMA, Reason.MISSING_ID] * 2)
    ids = {one.record.id for one in landed(broker.bootstrap, TOUCHPOINTS) if isinstance(one.record, Touchpoint)}
    assert len(ids) == 15
