"""Topics read from where somebody wants to the end they have now: committed records only, in no group's name."""

import uuid
from collections.abc import Iterable, Iterator, Mapping

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from connectors import kafka
from connectors.settings import Connection
from schemas.topics import Topic

__all__ = ["ends", "everything", "since"]

PATIENCE_S, ASK_S = 30.0, 10.0
EOF = KafkaError._PARTITION_EOF  # noqa: SLF001 - its public name


def everything(
    settings: Connection, topics: Iterable[Topic], starts: Mapping[tuple[str, int], int] | None = None
) -> Iterator[Message]:
    """Return what is on the topics up to their ends as they are met, in order within each partition.

    `starts` = offsets to begin at, by topic's name and partition; others begin at their beginning. Raises
    `BrokerUnreachable`, `KafkaException`.
    """
    kafka.reach(settings)
    group = f"leadstream-reading-{uuid.uuid4().hex}"  # nobody's: it never commits
    consumer = kafka.consumer(settings, group, extra=kafka.TO_THE_END)
    try:
        yield from _to_the_end(consumer, settings, tuple(topics), starts or {})
    finally:
        consumer.close()


def ends(settings: Connection, topic: Topic) -> dict[tuple[str, int], int]:
    """Return where each partition of a topic ends now. Raises `BrokerUnreachable`, `KafkaException`."""
    consumer = kafka.consumer(settings, f"leadstream-reading-{uuid.uuid4().hex}")
    try:
        spots = [TopicPartition(topic.name, number) for number in range(kafka.partitions_of(topic, settings))]
        return {
            (spot.topic, spot.partition): consumer.get_watermark_offsets(spot, timeout=PATIENCE_S)[1] for spot in spots
        }
    finally:
        consumer.close()


def since(settings: Connection, topic: Topic, at: float) -> dict[tuple[str, int], int]:
    """Return where each partition begins that was written since `at`, seconds since the epoch; its end, if nothing was.

    Raises `BrokerUnreachable`, `KafkaException`.
    """
    consumer = kafka.consumer(settings, f"leadstream-reading-{uuid.uuid4().hex}")
    numbers = range(kafka.partitions_of(topic, settings))
    try:
        found = consumer.offsets_for_times([TopicPartition(topic.name, it, int(at * 1000)) for it in numbers], ASK_S)
    finally:
        consumer.close()
    return {(spot.topic, spot.partition): spot.offset for spot in found}


def _to_the_end(
    consumer: Consumer, settings: Connection, topics: tuple[Topic, ...], starts: Mapping[tuple[str, int], int]
) -> Iterator[Message]:
    consumer.list_topics(timeout=ASK_S)  # where no leader is known yet, the client asks for beginnings 0.5 s later
    open_ = {(topic.name, number) for topic in topics for number in range(kafka.partitions_of(topic, settings))}
    consumer.assign([TopicPartition(*place, starts.get(place, OFFSET_BEGINNING)) for place in sorted(open_)])
    while open_:
        first = consumer.poll(PATIENCE_S)
        if first is None:
            names = ", ".join(sorted({name for name, _ in open_}))
            raise kafka.BrokerUnreachable(
                f"{names} cannot be read at KAFKA_BOOTSTRAP_SERVERS={settings.bootstrap_servers}"
            )
        for message in (first, *consumer.consume(500, 0)):  # with a timeout it would wait for all the 500
            error = message.error()
            if error is None:
                yield message
            elif error.code() == EOF:
                open_.discard((message.topic() or "", message.partition() or 0))
            elif not error.retriable():
                raise KafkaException(error)
