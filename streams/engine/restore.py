"""The state of partitions that have become ours, as the last commit left it."""

import logging
import time
from collections.abc import Callable, Iterable

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streams.engine.offsets import Kafka, ends
from streams.engine.table import Table

log = logging.getLogger(__name__)
REPORT_EVERY_S = 5.0


class Interrupted(Exception):
    """Another rebalance began: this restore is of no use any more."""


def restore(kafka: Kafka, tables: Iterable[Table], wanted: Callable[[], bool]) -> int:
    """Bring each table up to the end of its changelog, from wherever it stands; return the number of records read.

    Blocks; `wanted` is asked now and then whether to go on. Raises `Interrupted`, or `KafkaException` when the broker
    fails.
    """
    by_place = {(table.changelog.name, table.partition): table for table in tables}
    found = ends(kafka, by_place, stable=False)
    behind = {place: end for place, end in found.items() if end > by_place[place].store.position}
    if not behind:
        return 0
    consumer = Consumer(
        {
            **kafka,
            "group.id": "leadstream-restore",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 50,
        }
    )
    read, reported = 0, time.monotonic()
    try:
        consumer.assign([TopicPartition(t, p, by_place[t, p].store.position) for t, p in behind])
        while behind:
            if not wanted():
                raise Interrupted
            for message in consumer.consume(10_000, timeout=0.2):
                place = str(message.topic()), int(message.partition() or 0)
                offset = int(message.offset() or 0)
                error = message.error()
                if error is None:
                    by_place[place].restore((message.key() or b"").decode(), message.value())
                    by_place[place].store.position = offset + 1
                    read += 1
                elif error.code() == KafkaError._PARTITION_EOF:
                    if offset >= behind.get(place, 0):
                        by_place[place].store.position = offset
                        behind.pop(place, None)
                elif not error.retriable():
                    raise KafkaException(error)
            if time.monotonic() - reported > REPORT_EVERY_S:
                reported = time.monotonic()
                log.info("restoring state: %d records read, %d partitions to go", read, len(behind))
    finally:
        consumer.close()
    return read
