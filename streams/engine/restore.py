"""Where a partition begins after a rebalance: its committed offsets, and its state, both as the last commit left them.

Two traps lie here, and both are why this is librdkafka's work and not aiokafka's. The broker answers EndTxn before the
commit markers are written, so (1) committed offsets must be asked for as *stable* ones (librdkafka does, when read_committed),
and (2) a changelog must be read up to its *high watermark*, not its last stable offset, waiting out what is still open.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from streams.engine.table import Table

log = logging.getLogger(__name__)
ASK_S = 30.0
REPORT_EVERY_S = 5.0


class Interrupted(Exception):
    """Another rebalance began: this restore is of no use any more."""


def committed(kafka: Mapping[str, str | int | float | bool], group: str, inputs: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """Return the group's stable committed offsets by (topic, partition); inputs without one begin at 0.

    Raises `KafkaException` when the broker does not answer in time.
    """
    wanted = [TopicPartition(topic, partition) for topic, partition in inputs]
    if not wanted:
        return {}
    consumer = Consumer({**kafka, "group.id": group, "isolation.level": "read_committed", "enable.auto.commit": False})
    try:
        return {(tp.topic, tp.partition): max(tp.offset, 0) for tp in consumer.committed(wanted, timeout=ASK_S)}
    finally:
        consumer.close()


def end_offsets(kafka: Mapping[str, str | int | float | bool], inputs: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """Return high watermarks by (topic, partition), open transactions included. Raises `KafkaException`."""
    wanted = {TopicPartition(topic, partition): OffsetSpec.latest() for topic, partition in inputs}
    if not wanted:
        return {}
    admin = AdminClient(dict(kafka))
    found = admin.list_offsets(wanted, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=ASK_S)
    return {(tp.topic, tp.partition): future.result(timeout=ASK_S).offset for tp, future in found.items()}


def restore(kafka: Mapping[str, str | int | float | bool], tables: Iterable[Table], wanted: Callable[[], bool]) -> int:
    """Bring each table up to the end of its changelog, from wherever it stands; return the number of records read.

    Blocks; `wanted` is asked now and then whether to go on. Raises `Interrupted`, or `KafkaException` when the broker fails.
    """
    by_place = {(table.changelog.name, table.partition): table for table in tables}
    ends = end_offsets(kafka, by_place)
    behind = {place: end for place, end in ends.items() if end > by_place[place].store.position}
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
