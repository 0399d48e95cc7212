"""Topics are read to their end without waiting for what may still come."""

import time
from collections.abc import Callable

from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from connectors import kafka
from connectors.reading import everything
from connectors.settings import Connection
from schemas.topics import QUARANTINE
from streams.runtime.handle import BrokerHandle
from tests.wires import connected


def took_s(read: Callable[[], object]) -> float:
    """The shortest of three times, seconds."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        read()
        times.append(time.perf_counter() - began)
    return min(times)


def test_an_end_is_met_in_less_than_half_the_time_that_the_client_takes_by_itself(broker: BrokerHandle) -> None:
    settings = Connection.read(connected(broker))
    spots = [
        TopicPartition(QUARANTINE.name, number, OFFSET_BEGINNING)
        for number in range(kafka.partitions_of(QUARANTINE, settings))
    ]

    def by_itself() -> None:
        consumer = kafka.consumer(settings, "leadstream-tests-reading", extra={"enable.partition.eof": True})
        consumer.assign(spots)
        ended = 0
        while ended < len(spots):
            message = consumer.poll(30.0)
            assert message is not None
            ended += message.error() is not None
        consumer.close()

    assert took_s(lambda: list(everything(settings, [QUARANTINE]))) < took_s(by_itself) / 2
