"""The state of partitions that have become ours, as the last commit left it."""

import logging
import time
from collections.abc import Callable, Iterable

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.engine.offsets import Kafka, Place, ends
from streams.engine.table import Table

log = logging.getLogger(__name__)
REPORT_EVERY_S = 5.0
Changes = dict[str, bytes | None]


class Interrupted(Exception):
    """Another rebalance began: this restore is of no use any more."""


def restore(kafka: Kafka, tables: Iterable[Table], wanted: Callable[[], bool], moved: Callable[[], None]) -> int:
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
            taken = _take(consumer.consume(10_000, timeout=0.2))
            for place, (changes, position) in taken.items():
                if position > by_place[place].store.position:
                    moved()
                by_place[place].restore(changes, position)
                read += len(changes)
                if position >= behind.get(place, 0):
                    behind.pop(place, None)
            if time.monotonic() - reported > REPORT_EVERY_S:
                reported = time.monotonic()
                log.info("restoring state: %d records read, %d partitions to go", read, len(behind))
    finally:
        consumer.close()
    return read


def _take(messages: Iterable[Message]) -> dict[Place, tuple[Changes, int]]:
    """Return the rows among what was read, and how far it goes, for each partition. Raises `KafkaException`."""
    taken: dict[Place, tuple[Changes, int]] = {}
    for message in messages:
        place, offset = (str(message.topic()), int(message.partition() or 0)), int(message.offset() or 0)
        changes, _ = taken.get(place, ({}, 0))
        error = message.error()
        if error is None:
            changes[(message.key() or b"").decode()] = message.value()
            taken[place] = changes, offset + 1
        elif error.code() == KafkaError._PARTITION_EOF:
            taken[place] = changes, offset
        elif not error.retriable():
            raise KafkaException(error)
    return taken
