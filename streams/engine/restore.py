"""The state of partitions that have become ours, as the last commit left it."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams import metrics
from streams.engine.offsets import Interrupted, Kafka, Place, Wanted, always, ends, ids, starts
from streams.engine.store import STALE_S, Store
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
    "fetch.message.max.bytes": 1 << 20,
    "queued.max.messages.kbytes": 4 << 10,  # all partitions together: what restoring costs in memory
    "fetch.queue.backoff.ms": 5,  # then look again soon: with the usual second a restore takes eight times as long
}


class Bounds(NamedTuple):
    """A changelog on the broker: its topic's id, its first offset, and its end."""

    log: str
    start: int
    end: int


def restore(kafka: Kafka, tables: Iterable[Table], wanted: Wanted, moved: Callable[[], None], now: float) -> int:
    """Bring each table up to the end of its changelog, from wherever it stands; return the number of records read.

    Blocks; `wanted` is asked now and then whether to go on; `now` in seconds since the epoch. Raises `Interrupted`,
    `StoreBroken`, or `KafkaException` when the broker fails.
    """
    by_place = {(table.changelog.name, table.partition): table for table in tables}
    found = bounds(kafka, by_place, wanted)
    if not wanted():
        raise Interrupted
    discard(by_place, found, now)
    behind = {place: at.end for place, at in found.items() if at.end > by_place[place].store.position}
    read = _read(kafka, by_place, behind, wanted, moved) if behind else 0
    for table in by_place.values():
        table.whole(now)
    return read


def bounds(kafka: Kafka, places: Iterable[Place], wanted: Wanted = always) -> dict[Place, Bounds]:
    """Return how each changelog lies on the broker. Raises `KafkaException`, `TimeoutError` or `Interrupted`."""
    spots = list(places)
    reach, begins = ends(kafka, spots, stable=False, wanted=wanted), starts(kafka, spots, wanted)
    logs = ids(kafka, (topic for topic, _ in spots), wanted)
    return {spot: Bounds(logs[spot[0]], begins[spot], reach[spot]) for spot in spots}


def discard(tables: Mapping[Place, Table], found: Mapping[Place, Bounds], now: float) -> None:
    """Begin anew where the rows are not those of the changelog as it is: reading on would mix two histories."""
    for place, table in tables.items():
        why = _off(table.store, found[place]) or _stale(table, now)
        if why and table.store.position:
            said = {"topic": place[0], "partition": place[1], "why": why}
            log.warning("state is thrown away", extra=said)
        if why:
            table.reset(found[place].log, now)


def _off(store: Store, found: Bounds) -> str:
    """Say why a store is off its changelog; "" = it is not."""
    if store.log != found.log:
        return "its changelog was made anew"
    if store.position > found.end:
        return f"it stands at {store.position}, and its changelog ends at {found.end}"
    if 0 < store.position < found.start:
        return f"it stands at {store.position}, and its changelog begins at {found.start}"
    return ""


def _stale(table: Table, now: float) -> str:
    """Say that a table has been nobody's for too long, here or cut off; "" = it has not."""
    if table.whole_at is None or now - table.whole_at <= STALE_S:
        return ""
    return f"it was last whole {(now - table.whole_at) / 86_400:.1f} days ago, and deletions are forgotten"


def _read(
    kafka: Kafka,
    tables: Mapping[Place, Table],
    behind: dict[Place, int],
    wanted: Wanted,
    moved: Callable[[], None],
) -> int:
    """Read until each place that is `behind` has come to its end; return the number of records."""
    consumer = Consumer({**SETTINGS, **kafka})
    read, reported, left = 0, time.monotonic(), _left(tables, behind)
    metrics.RESTORE_REMAINING.set(left)
    try:
        consumer.assign([TopicPartition(t, p, tables[t, p].store.position) for t, p in behind])
        while behind:
            if not wanted():
                raise Interrupted
            taken = take(consumer.consume(READ, timeout=0.2))
            for place, (changes, position) in taken.items():
                if position > tables[place].store.position:
                    moved()
                tables[place].restore(changes, position)
                read += len(changes)
                if position >= behind.get(place, 0):
                    behind.pop(place, None)
            left = _left(tables, behind)
            metrics.RESTORE_REMAINING.set(left)
            if time.monotonic() - reported > REPORT_EVERY_S:
                reported = time.monotonic()
                log.info("restoring state", extra={"records": read, "remaining": left, "partitions": len(behind)})
    finally:
        metrics.RESTORE_REMAINING.set(0)
        consumer.close()
    return read


def _left(tables: Mapping[Place, Table], behind: Mapping[Place, int]) -> int:
    return sum(max(end - tables[place].store.position, 0) for place, end in behind.items())


def take(messages: Iterable[Message]) -> dict[Place, tuple[Taken, int]]:
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
