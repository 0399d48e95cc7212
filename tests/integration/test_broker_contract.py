"""What the pipeline relies on in a broker. Runs on whichever is chosen: the embedded one must keep Kafka's promises."""

import asyncio
import time
from collections.abc import Iterator
from functools import partial

import pytest
from aiokafka import AIOKafkaConsumer
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic

from streams.engine.offsets import ends, marks, starts
from streams.engine.outbox import Outbox
from streams.runtime.handle import BrokerHandle

TIMEOUT = 20.0


@pytest.fixture
def topics(broker: BrokerHandle, topic_prefix: str) -> tuple[str, str]:
    """An input topic and an output topic of two partitions."""
    names = f"{topic_prefix}in", f"{topic_prefix}out"
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    for future in admin.create_topics([NewTopic(name, num_partitions=2) for name in names]).values():
        future.result(TIMEOUT)
    return names


@pytest.fixture
def group(broker: BrokerHandle, topics: tuple[str, str], topic_prefix: str) -> Iterator[Consumer]:
    """A joined member of a group over the input topic, which holds ten records."""
    source, _ = topics
    produce(broker, source, range(10))
    consumer = Consumer(settings(broker) | {"group.id": f"{topic_prefix}group", "auto.offset.reset": "earliest"})
    consumer.subscribe([source])
    yield consumer
    consumer.close()


def settings(broker: BrokerHandle) -> dict[str, str | int | float | bool]:
    """What every client here shares."""
    return {"bootstrap.servers": broker.bootstrap, "enable.auto.commit": False, "enable.metrics.push": False}


def produce(broker: BrokerHandle, topic: str, numbers: range) -> None:
    """Write each number, outside any transaction, acknowledged when this returns."""
    producer = Producer({"bootstrap.servers": broker.bootstrap, "enable.metrics.push": False})
    for number in numbers:
        producer.produce(topic, str(number), key=str(number))
    assert producer.flush(TIMEOUT) == 0


def transactional(broker: BrokerHandle, name: str) -> Producer:
    """A transactional producer, which fences every earlier one of its name."""
    config = {"bootstrap.servers": broker.bootstrap, "transactional.id": name, "enable.metrics.push": False}
    producer = Producer(config)
    producer.init_transactions(TIMEOUT)
    return producer


def take(consumer: Consumer, count: int) -> list[Message]:
    """The next records, all of them or a failure."""
    taken: list[Message] = []
    deadline = time.monotonic() + TIMEOUT
    while len(taken) < count:
        assert time.monotonic() < deadline, f"{len(taken)} of {count} records came"
        taken += consumer.consume(count - len(taken), timeout=0.2)
    return taken


def copying(producer: Producer, group: Consumer, target: str) -> Producer:
    """The producer, with a transaction open that holds the group's ten records."""
    records = take(group, 10)
    producer.begin_transaction()
    for record in records:
        producer.produce(target, record.value())
    return producer


def committed_values(broker: BrokerHandle, topic: str, count: int) -> list[str]:
    """What a read_committed reader sees, with the client that Faust reads with: `count` values, then all there are.

    It waits for `count` because Kafka answers a commit once it is decided, a moment before readers see it.
    """

    async def read() -> list[str]:
        reader = AIOKafkaConsumer(
            topic, bootstrap_servers=broker.bootstrap, isolation_level="read_committed", auto_offset_reset="earliest"
        )
        await reader.start()
        try:
            values: list[str] = []
            fresh = True
            while len(values) < count or fresh:
                batches = await reader.getmany(timeout_ms=300)
                values += [record.value.decode() for batch in batches.values() for record in batch]
                fresh = bool(batches)
            return sorted(values, key=int)
        finally:
            await reader.stop()

    return asyncio.run(asyncio.wait_for(read(), TIMEOUT))


def test_a_committed_transaction_moves_outputs_and_offsets_together(
    broker: BrokerHandle, topics: tuple[str, str], group: Consumer, topic_prefix: str
) -> None:
    source, target = topics
    producer = copying(transactional(broker, f"{topic_prefix}txn"), group, target)
    offsets = group.position(group.assignment())
    producer.send_offsets_to_transaction(offsets, group.consumer_group_metadata(), TIMEOUT)
    producer.commit_transaction(TIMEOUT)

    assert committed_values(broker, target, 10) == [str(number) for number in range(10)]
    done = group.committed([TopicPartition(source, 0), TopicPartition(source, 1)], TIMEOUT)
    assert sum(max(partition.offset, 0) for partition in done) == 10


def test_an_aborted_transaction_leaves_neither_outputs_nor_offsets(
    broker: BrokerHandle, topics: tuple[str, str], group: Consumer, topic_prefix: str
) -> None:
    source, target = topics
    producer = copying(transactional(broker, f"{topic_prefix}txn"), group, target)
    producer.flush(TIMEOUT)
    producer.send_offsets_to_transaction(group.position(group.assignment()), group.consumer_group_metadata(), TIMEOUT)
    producer.abort_transaction(TIMEOUT)
    produce(broker, target, range(100, 103))

    assert committed_values(broker, target, 3) == ["100", "101", "102"]
    done = group.committed([TopicPartition(source, 0), TopicPartition(source, 1)], TIMEOUT)
    assert all(partition.offset < 0 for partition in done)


def test_a_commit_is_known_by_its_mark_and_one_that_was_left_open_does_not_hold(
    broker: BrokerHandle, topics: tuple[str, str], group: Consumer, topic_prefix: str
) -> None:
    source, target = topics
    outbox = Outbox(
        settings(broker), f"{topic_prefix}txn", 15.0, partial(marks, settings(broker), f"{topic_prefix}group")
    )
    outbox.start()
    take(group, 10)
    reached = {(source, spot.partition): spot.offset for spot in group.position(group.assignment())}
    outbox.begin()
    outbox.send(target, b"k", b"1")
    outbox.commit(reached, group.consumer_group_metadata())
    assert outbox._holds(set(reached))
    outbox.begin()
    outbox.send(target, b"k", b"2")
    again = [TopicPartition(*place, offset, outbox._mark) for place, offset in reached.items()]
    outbox._producer.send_offsets_to_transaction(again, group.consumer_group_metadata(), TIMEOUT)
    outbox._leave_behind()
    assert not outbox._holds(set(reached)), "the same offsets, of an earlier transaction"
    assert committed_values(broker, target, 1) == ["1"]


def test_an_open_transaction_is_invisible_until_it_commits(
    broker: BrokerHandle, topics: tuple[str, str], topic_prefix: str
) -> None:
    _, target = topics
    producer = transactional(broker, f"{topic_prefix}txn")
    producer.begin_transaction()
    producer.produce(target, "1")
    producer.flush(TIMEOUT)

    assert committed_values(broker, target, 0) == []
    producer.commit_transaction(TIMEOUT)
    assert committed_values(broker, target, 1) == ["1"]


def test_an_end_is_told_with_and_without_what_is_still_open(broker: BrokerHandle, topics: tuple[str, str]) -> None:
    source, _ = topics
    produce(broker, source, range(3))
    writing = transactional(broker, source)
    writing.begin_transaction()
    writing.produce(source, "open", partition=0)
    assert writing.flush(20) == 0
    place = source, 0
    stable = ends(settings(broker), [place], stable=True)[place]
    assert ends(settings(broker), [place], stable=False)[place] == stable + 1
    assert starts(settings(broker), [place])[place] == 0
    writing.abort_transaction(20)


def test_a_producer_that_was_replaced_cannot_commit(
    broker: BrokerHandle, topics: tuple[str, str], topic_prefix: str
) -> None:
    _, target = topics
    first = transactional(broker, f"{topic_prefix}txn")
    first.begin_transaction()
    first.produce(target, "1")
    first.flush(TIMEOUT)
    second = transactional(broker, f"{topic_prefix}txn")

    with pytest.raises(KafkaException) as refused:
        first.commit_transaction(TIMEOUT)
    assert refused.value.args[0].code() in (KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH)
    second.begin_transaction()
    second.produce(target, "2")
    second.commit_transaction(TIMEOUT)
    assert committed_values(broker, target, 1) == ["2"]


def test_a_topic_that_nobody_created_does_not_appear(broker: BrokerHandle, topic_prefix: str) -> None:
    reader = Consumer(settings(broker) | {"group.id": f"{topic_prefix}group", "allow.auto.create.topics": True})
    reader.assign([TopicPartition(f"{topic_prefix}typo", 0, OFFSET_BEGINNING)])
    reader.poll(0.5)
    reader.close()
    assert f"{topic_prefix}typo" not in AdminClient({"bootstrap.servers": broker.bootstrap}).list_topics().topics


def test_a_killed_broker_comes_back_with_its_records_and_its_offsets(
    broker: BrokerHandle, topics: tuple[str, str], group: Consumer, topic_prefix: str
) -> None:
    if not broker.nodes:
        pytest.skip(f"we may not kill the {broker.version}")
    source, target = topics
    producer = copying(transactional(broker, f"{topic_prefix}txn"), group, target)
    producer.send_offsets_to_transaction(group.position(group.assignment()), group.consumer_group_metadata(), TIMEOUT)
    producer.commit_transaction(TIMEOUT)

    broker.kill()
    broker.restart()

    assert committed_values(broker, target, 10) == [str(number) for number in range(10)]
    done = group.committed([TopicPartition(source, 0), TopicPartition(source, 1)], TIMEOUT)
    assert sum(max(partition.offset, 0) for partition in done) == 10
    produce(broker, target, range(10, 12))
    assert len(committed_values(broker, target, 12)) == 12
