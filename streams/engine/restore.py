"""The state of partitions that have become ours, as the last commit left it."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.engine.offsets import Kafka, Place, ends, ids, starts
from streams.engine.store import Store
from streams.engine.table import Table

log = logging.getLogger(__name__)
REPORT_EVERY_S = 5.0
READ = 10_000  # records at once
Taken = dict[bytes, bytes | None]
SETTINGS = {
    "group.id": "leadstream-restore",
    "isolation.level": "read_committed",
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "earliest",
    "fetch.wait.max.ms": 50,
    "fetch.message.max.bytes": 4 << 20,
    "queued.max.messages.kbytes": 16 << 10,  # all partitions together: what restoring costs in memory
}


class Interrupted(Exception):
    """Another rebalance began: this restore is of no use any more."""


def restore(
    kafka: Kafka, tables: Iterable[Table], wanted: Callable[[], bool], moved: Callable[[], None], now: float
) -> int:
    """Bring each table up to the end of its changelog, from wherever it stands; return the number of records read.

    Blocks; `wanted` is asked now and then whether to go on; `now` in seconds since the epoch. Raises `Interrupted`,
    `StoreBroken`, or `KafkaException` when the broker fails.
    """
    by_place = {(table.changelog.name, table.partition): table for table in tables}
    found = ends(kafka, by_place, stable=False)
    _discard(kafka, by_place, found, now)
    behind = {place: end for place, end in found.items() if end > by_place[place].store.position}
    read = _read(kafka, by_place, behind, wanted, moved) if behind else 0
    for table in by_place.values():
        table.whole(now)
    return read


def _discard(kafka: Kafka, tables: Mapping[Place, Table], found: Mapping[Place, int], now: float) -> None:
    """Begin anew where the rows are not those of the changelog as it is: reading on would mix two histories."""
    begins, logs = starts(kafka, tables), ids(kafka, (topic for topic, _ in tables))
    for place, table in tables.items():
        why = _off(table.store, logs[place[0]], begins[place], found[place])
        if why and table.store.position:
            log.warning("state of %s-%d is thrown away: %s", *place, why)
        if why:
            table.reset(logs[place[0]], now)


def _off(store: Store, changelog: str, start: int, end: int) -> str:
    """Say why a store is off its changelog; "" = it is not."""
    if store.log != changelog:
        return "its changelog was made anew"
    if store.position > end:
        return f"it stands at {store.position}, and its changelog ends at {end}"
    if 0 < store.position < start:
        return f"it stands at {store.position}, and its changelog begins at {start}"
    return ""


def _read(
    kafka: Kafka,
    tables: Mapping[Place, Table],
    behind: dict[Place, int],
    wanted: Callable[[], bool],
    moved: Callable[[], None],
) -> int:
    """Read until each place that is `behind` has come to its end; return the number of records."""
    consumer = Consumer({**SETTINGS, **kafka})
    read, reported = 0, time.monotonic()
    try:
        consumer.assign([TopicPartition(t, p, tables[t, p].store.position) for t, p in behind])
        while behind:
            if not wanted():
                raise Interrupted
            taken = _take(consumer.consume(READ, timeout=0.2))
            for place, (changes, position) in taken.items():
                if position > tables[place].store.position:
                    moved()
                tables[place].restore(changes, position)
                read += len(changes)
                if position >= behind.get(place, 0):
                    behind.pop(place, None)
            if time.monotonic() - reported > REPORT_EVERY_S:
                reported = time.monotonic()
                log.info("restoring state: %d records read, %d partitions to go", read, len(behind))
    finally:
        consumer.close()
    return read


def _take(messages: Iterable[Message]) -> dict[Place, tuple[Taken, int]]:
    """Return the rows among what was read, and how far it goes, for each partition. Raises `KafkaException`."""
    taken: dict[Place, tuple[Taken, int]] = {}
    for message in messages:
        place, offset = (str(message.topic()), int(message.partition() or 0)), int(message.offset() or 0)
        changes, _ = taken.get(place, ({}, 0))
        error = message.error()
        if error is None:
            changes[message.key() or b""] = message.value()
            taken[place] = changes, offset + 1
        elif error.code() == KafkaError._PARTITION_EOF:
            taken[place] = changes, offset
        elif not error.retriable():
            raise KafkaException(error)
    return taken
