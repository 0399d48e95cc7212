"""Offsets as the broker has them: where a group stands, and how far topics go.

Two traps lie here, and both are why this is librdkafka's work and not aiokafka's. The broker answers EndTxn before the
commit markers are written. So committed offsets must be asked for as *stable* ones (librdkafka does, when it is
read_committed), and a changelog goes to its *high watermark*, not to its last stable offset: what is still open there
may be about to commit.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

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
Wanted = Callable[[], bool]
ASK_S, TRY_S = 30.0, 5.0
AGAIN_S = 0.1
PASSING = {  # no broker is there, or a leader changes or has only just come back: asked again, they answer
    KafkaError._TIMED_OUT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.OFFSET_NOT_AVAILABLE,
    KafkaError._UNKNOWN_PARTITION,
}


class Interrupted(Exception):
    """Another rebalance began: nobody wants to know any more."""


def always() -> bool:
    """Say that somebody wants to know."""
    return True


def committed(kafka: Kafka, group: str, inputs: Iterable[Place], wanted: Wanted = always) -> dict[Place, int]:
    """Return the group's stable committed offsets by (topic, partition); inputs without one begin at 0.

    Raises `KafkaException` when the broker does not answer in time, `Interrupted` when nobody `wanted` it to.
    """
    found = _answers(_stable(kafka, group, inputs, wanted))
    return {place: max(offset, 0) for place, offset in found.items()}


def marks(kafka: Kafka, group: str, inputs: Iterable[Place]) -> dict[Place, str]:
    """Return what the group's stable commits are marked with (their metadata), by (topic, partition); "" for none.

    Raises `KafkaException` when the broker does not answer in time.
    """
    found = _stable(kafka, group, inputs, always)
    return {(tp.topic, tp.partition): tp.metadata or "" for tp in found}


def _stable(kafka: Kafka, group: str, inputs: Iterable[Place], wanted: Wanted) -> list[TopicPartition]:
    spots = [TopicPartition(topic, partition) for topic, partition in inputs]
    if not spots:
        return []
    asked = Consumer({**kafka, "group.id": group, "isolation.level": "read_committed", "enable.auto.commit": False})
    try:
        return _insist(lambda s: asked.committed(spots, timeout=s), ASK_S, wanted)
    finally:
        asked.close()


def ends(
    kafka: Kafka, inputs: Iterable[Place], *, stable: bool, patience_s: float = ASK_S, wanted: Wanted = always
) -> dict[Place, int]:
    """Return the end of each partition: the last stable offset, or (not `stable`) the high watermark.

    Raises `KafkaException` when the broker does not answer in time, `Interrupted` when nobody `wanted` it to.
    """
    return _listed(kafka, inputs, OFFSET_END, stable=stable, patience_s=patience_s, wanted=wanted)


def starts(kafka: Kafka, inputs: Iterable[Place], wanted: Wanted = always) -> dict[Place, int]:
    """Return the first offset of each partition that may still be read.

    Raises `KafkaException` when the broker does not answer in time, `Interrupted` when nobody `wanted` it to.
    """
    return _listed(kafka, inputs, OFFSET_BEGINNING, stable=False, patience_s=ASK_S, wanted=wanted)


def ids(kafka: Kafka, topics: Iterable[str], wanted: Wanted = always) -> dict[str, str]:
    """Return each topic's id: one that was deleted and made again has another.

    Raises `KafkaException` or `TimeoutError` when the broker does not answer in time, `Interrupted` when nobody
    `wanted` it to.
    """
    names = sorted(set(topics))
    if not names:
        return {}
    admin = AdminClient(dict(kafka))  # answers come only while it lives
    asked = admin.describe_topics(TopicCollection(names), request_timeout=ASK_S)
    return {name: str(_answer(answer, wanted).topic_id) for name, answer in asked.items()}


def _answer(awaited: "Future[Any]", wanted: Wanted) -> Any:
    for _ in range(int(ASK_S / TRY_S)):
        if not wanted():
            raise Interrupted
        with suppress(TimeoutError):
            return awaited.result(TRY_S)
    raise TimeoutError("no answer when asked for the ids of topics")


def _listed(
    kafka: Kafka, inputs: Iterable[Place], which: int, *, stable: bool, patience_s: float, wanted: Wanted
) -> dict[Place, int]:
    """Ask as a consumer does: librdkafka's AdminClient has been seen to end the process when a node died under it."""
    spots = [TopicPartition(topic, partition, which) for topic, partition in inputs]
    if not spots:
        return {}
    level = "read_committed" if stable else "read_uncommitted"
    asked = Consumer({**kafka, "group.id": "leadstream-offsets", "isolation.level": level, "enable.auto.commit": False})
    try:
        return _answers(_insist(lambda s: asked.offsets_for_times(spots, timeout=s), patience_s, wanted))
    finally:
        asked.close()


def _insist(
    ask: Callable[[float], Iterable[TopicPartition]], patience_s: float, wanted: Wanted
) -> list[TopicPartition]:
    """Ask for a few seconds, again and again, while there is patience, and somebody who wants to know."""
    ends_at = time.monotonic() + patience_s
    while wanted():
        left_s = max(ends_at - time.monotonic(), 0.1)
        try:
            return list(_sound(ask(min(left_s, TRY_S))))
        except KafkaException as error:
            if error.args[0].code() not in PASSING or time.monotonic() >= ends_at:
                raise
        time.sleep(AGAIN_S)
    raise Interrupted


def _answers(found: Iterable[TopicPartition]) -> dict[Place, int]:
    return {(tp.topic, tp.partition): int(tp.offset) for tp in found}


def _sound(found: Iterable[TopicPartition]) -> Iterator[TopicPartition]:
    """Yield the answers. Raises what is wrong with one: it has no offset then, which is not "from the beginning"."""
    for tp in found:
        if tp.error is not None:
            raise KafkaException(tp.error)
        yield tp
