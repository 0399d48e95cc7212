"""What a lane writes, on a real broker."""

import asyncio
import logging

import pytest
from confluent_kafka import Producer

from connectors.kafka import ensure, producer
from connectors.outgoing import Outgoing
from connectors.settings import RelaySettings
from schemas.codec import Codec
from schemas.registry import FileRegistry
from schemas.topics import DEAD_LETTERS
from streams.runtime.handle import BrokerHandle


def test_a_producer_that_has_lost_its_brokers_is_replaced_and_what_it_held_is_written(
    broker: BrokerHandle, caplog: pytest.LogCaptureFixture
) -> None:
    settings, made = RelaySettings.read({"KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap}), list[Producer]()

    def lost_at_first() -> Producer:
        lost = Producer({"bootstrap.servers": "127.0.0.1:1", "message.timeout.ms": 300, "log_level": 0})
        made.append(producer(settings, 30.0) if made else lost)
        return made[-1]

    ensure(settings, [DEAD_LETTERS])
    outgoing = Outgoing(lost_at_first, Codec(FileRegistry()), DEAD_LETTERS.name)
    with caplog.at_level(logging.WARNING):
        offset = asyncio.run(outgoing.park(0, b"lead", b"decision", 1, 2.0))
    assert offset is not None
    assert len(made) == 2
    assert "another takes its place" in caplog.text
