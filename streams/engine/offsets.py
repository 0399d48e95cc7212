"""Offsets as the broker has them: where a group stands, and how far topics go.

Two traps lie here, and both are why this is librdkafka's work and not aiokafka's. The broker answers EndTxn before the
commit markers are written. So committed offsets must be asked for as *stable* ones (librdkafka does, when it is
read_committed), and a changelog goes to its *high watermark*, not to its last stable offset: what is still open there
may be about to commit.
"""

from collections.abc import Iterable, Mapping
from typing import Final, cast

from confluent_kafka import Consumer, IsolationLevel, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

Kafka = Mapping[str, str | int | float | bool]
Place = tuple[str, int]
ASK_S = 30.0
EARLIEST: Final = cast("OffsetSpec", OffsetSpec._earliest)
LATEST: Final = cast("OffsetSpec", OffsetSpec._latest)


def committed(kafka: Kafka, group: str, inputs: Iterable[Place]) -> dict[Place, int]:
    """Return the group's stable committed offsets by (topic, partition); inputs without one begin at 0.

    Raises `KafkaException` when the broker does not answer in time.
    """
    wanted = [TopicPartition(topic, partition) for topic, partition in inputs]
    if not wanted:
        return {}
    consumer = Consumer({**kafka, "group.id": group, "isolation.level": "read_committed", "enable.auto.commit": False})
    try:
        found = consumer.committed(wanted, timeout=ASK_S)
        for tp in found:
            if tp.error is not None:  # its offset is then none at all: never to be taken for "from the beginning"
                raise KafkaException(tp.error)
        return {(tp.topic, tp.partition): max(tp.offset, 0) for tp in found}
    finally:
        consumer.close()


def ends(kafka: Kafka, inputs: Iterable[Place], *, stable: bool, patience_s: float = ASK_S) -> dict[Place, int]:
    """Return the end of each partition: the last stable offset, or (not `stable`) the high watermark.

    Raises `KafkaException` or `TimeoutError` when the broker does not answer in time.
    """
    level = IsolationLevel.READ_COMMITTED if stable else IsolationLevel.READ_UNCOMMITTED
    return _listed(kafka, inputs, LATEST, level, patience_s)


def starts(kafka: Kafka, inputs: Iterable[Place]) -> dict[Place, int]:
    """Return the first offset of each partition that may still be read.

    Raises `KafkaException` or `TimeoutError` when the broker does not answer in time.
    """
    return _listed(kafka, inputs, EARLIEST, IsolationLevel.READ_UNCOMMITTED, ASK_S)


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


def _listed(
    kafka: Kafka, inputs: Iterable[Place], which: OffsetSpec, level: IsolationLevel, patience_s: float
) -> dict[Place, int]:
    wanted = {TopicPartition(topic, partition): which for topic, partition in inputs}
    if not wanted:
        return {}
    admin = AdminClient(dict(kafka))  # answers come only while it lives
    asked = admin.list_offsets(wanted, isolation_level=level, request_timeout=patience_s)
    return {(tp.topic, tp.partition): answer.result(patience_s).offset for tp, answer in asked.items()}
