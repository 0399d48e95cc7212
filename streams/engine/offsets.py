"""Offsets as the broker has them: where a group stands, and how far topics go.

Two traps lie here, and both are why this is librdkafka's work and not aiokafka's. The broker answers EndTxn before the
commit markers are written. So committed offsets must be asked for as *stable* ones (librdkafka does, when it is
read_committed), and a changelog goes to its *high watermark*, not to its last stable offset: what is still open there
may be about to commit.
"""

import time
from collections.abc import Iterable, Iterator, Mapping

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

Kafka = Mapping[str, str | int | float | bool]
Place = tuple[str, int]
ASK_S, TRY_S = 30.0, 5.0
AGAIN_S = 0.1
MOVING = {  # a partition's leader changes, or has only just come back: it answers when asked again
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.OFFSET_NOT_AVAILABLE,
    KafkaError._UNKNOWN_PARTITION,
}


def committed(kafka: Kafka, group: str, inputs: Iterable[Place]) -> dict[Place, int]:
    """Return the group's stable committed offsets by (topic, partition); inputs without one begin at 0.

    Raises `KafkaException` when the broker does not answer in time.
    """
    found = _answers(_stable(kafka, group, inputs))
    return {place: max(offset, 0) for place, offset in found.items()}


def marks(kafka: Kafka, group: str, inputs: Iterable[Place]) -> dict[Place, str]:
    """Return what the group's stable commits are marked with (their metadata), by (topic, partition); "" for none.

    Raises `KafkaException` when the broker does not answer in time.
    """
    return {(tp.topic, tp.partition): tp.metadata or "" for tp in _sound(_stable(kafka, group, inputs))}


def _stable(kafka: Kafka, group: str, inputs: Iterable[Place]) -> list[TopicPartition]:
    wanted = [TopicPartition(topic, partition) for topic, partition in inputs]
    if not wanted:
        return []
    consumer = Consumer({**kafka, "group.id": group, "isolation.level": "read_committed", "enable.auto.commit": False})
    try:
        return consumer.committed(wanted, timeout=ASK_S)
    finally:
        consumer.close()


def ends(kafka: Kafka, inputs: Iterable[Place], *, stable: bool, patience_s: float = ASK_S) -> dict[Place, int]:
    """Return the end of each partition: the last stable offset, or (not `stable`) the high watermark.

    Raises `KafkaException` when the broker does not answer in time.
    """
    return _listed(kafka, inputs, OFFSET_END, stable, patience_s)


def starts(kafka: Kafka, inputs: Iterable[Place]) -> dict[Place, int]:
    """Return the first offset of each partition that may still be read.

    Raises `KafkaException` when the broker does not answer in time.
    """
    return _listed(kafka, inputs, OFFSET_BEGINNING, stable=False, patience_s=ASK_S)


def ids(kafka: Kafka, topics: Iterable[str]) -> dict[str, str]:
    """Return each topic's id: one that was deleted and made again has another.

    Raises `KafkaException` or `TimeoutError` when the broker does not answer in time.
    """
    names = sorted(set(topics))
    if not names:
        return {}
    admin = AdminClient(dict(kafka))  # answers come only while it lives
    asked = admin.describe_topics(TopicCollection(names), request_timeout=ASK_S)
    return {name: str(answer.result(ASK_S).topic_id) for name, answer in asked.items()}


def _listed(kafka: Kafka, inputs: Iterable[Place], which: int, stable: bool, patience_s: float) -> dict[Place, int]:
    """Ask as a consumer does: librdkafka's AdminClient has been seen to end the process when a node died under it."""
    wanted = [TopicPartition(topic, partition, which) for topic, partition in inputs]
    if not wanted:
        return {}
    level = "read_committed" if stable else "read_uncommitted"
    asked = Consumer({**kafka, "group.id": "leadstream-offsets", "isolation.level": level, "enable.auto.commit": False})
    ends_at = time.monotonic() + patience_s
    try:
        while True:
            try:
                left_s = max(ends_at - time.monotonic(), 0.1)
                return _answers(asked.offsets_for_times(wanted, timeout=min(left_s, TRY_S)))
            except KafkaException as error:
                if error.args[0].code() not in {*MOVING, KafkaError._TIMED_OUT} or time.monotonic() >= ends_at:
                    raise
            time.sleep(AGAIN_S)
    finally:
        asked.close()


def _answers(found: Iterable[TopicPartition]) -> dict[Place, int]:
    return {(tp.topic, tp.partition): int(tp.offset) for tp in _sound(found)}


def _sound(found: Iterable[TopicPartition]) -> Iterator[TopicPartition]:
    """Yield the answers. Raises what is wrong with one: it has no offset then, which is not "from the beginning"."""
    for tp in found:
        if tp.error is not None:
            raise KafkaException(tp.error)
        yield tp
