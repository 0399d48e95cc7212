"""Faults of what is sent: records nobody can use, straight onto the topics, past the collectors."""

import asyncio
import random
import time
from collections.abc import Callable
from itertools import islice

from confluent_kafka import KafkaError, Message, Producer
from msgspec.structs import replace

from schemas.keys import partition_of
from schemas.records import RawEvent
from schemas.rejected import Rejected
from schemas.topics import EVENTS, TOUCHPOINTS, Topic
from tests.chaos.ledger import UNANSWERED
from tests.chaos.world import World
from tests.pipeline import CODEC, PARTITIONS, QUIET, landed
from tests.traffic import raw_events

TOPICS = (*EVENTS.values(), TOUCHPOINTS)
STRANGERS = 1_000_003  # the seed of events that no other sender sends
STORED = 202
BATCH_S = 0.1
LARGEST_SHARE = 0.02  # a thousand poisons a second are then two megabytes of them, not ninety
FLUSH_S = 60.0


def poisons(rng: random.Random) -> tuple[bytes | None, ...]:
    """Return one record of each kind that must not be taken."""
    schema = rng.choice(range(1, 50))
    framed = b"\0" + schema.to_bytes(4, "big")
    return (
        rng.randbytes(rng.randrange(1, 400)),
        framed + rng.randbytes(3),  # Avro, cut short
        b"\1" + framed[1:] + rng.randbytes(40),  # another magic byte
        b"\0\x7f\xff\xff\xff" + rng.randbytes(40),  # a schema nobody knows
        b"[" * 20_000,
        b'{"value": NaN}',
        b'"' + b"x" * (900_000 if rng.random() < LARGEST_SHARE else 9_000) + b'"',  # as large as the topic takes
        b"\xc3\x28\xa0\xa1",  # not UTF-8
        b"",
        None,
    )


async def poison(world: World, count: int = 1_000, rate: float = 100.0, partition: int = -1) -> None:
    """Write so many records that cannot be used, of every kind and on every input, so many a second.

    Everywhere, or onto one partition of each input, as a sender does whose records all have one key.
    """
    producer = Producer({"bootstrap.servers": world.cluster.bootstrap, "message.max.bytes": 1_000_000, **QUIET})
    due = 0.0
    kinds: list[bytes | None] = []
    for number in range(count):
        kinds = kinds or list(poisons(world.rng))
        topic, value = TOPICS[number % len(TOPICS)], kinds.pop()
        key, noted = world.rng.randbytes(8), _noting(world, topic, value)
        while True:
            try:
                producer.produce(topic.name, value, key, partition, on_delivery=noted)
                break
            except BufferError:  # the brokers are behind: whoever sends without end must wait as well
                await asyncio.to_thread(producer.poll, BATCH_S)
        producer.poll(0)
        due += 1 / rate
        if due > BATCH_S:
            await asyncio.sleep(due)
            due = 0.0
    await asyncio.to_thread(producer.flush, FLUSH_S)


async def misaddress(world: World, count: int = 200, rate: float = 20.0) -> None:
    """Write raw events, sound ones, under keys that are not theirs and where they do not belong."""
    producer = Producer({"bootstrap.servers": world.cluster.bootstrap, **QUIET})
    for topic, key, record in islice(raw_events(2 * count, seed=STRANGERS), count):
        assert isinstance(record, RawEvent)
        astray = (partition_of(key.encode(), PARTITIONS) + 1) % PARTITIONS
        request = world.ledger.ask((record.event_id,), time.monotonic())
        value = CODEC.encode(replace(record, received_at=time.time()))
        producer.produce(topic.name, value, b"astray", astray, on_delivery=_booking(world, request))
        producer.poll(0)
        await asyncio.sleep(1 / rate)
    await asyncio.to_thread(producer.flush, FLUSH_S)


async def repeat(world: World, times: int = 4) -> None:
    """Send every raw event that there is again, so many times, as a sender does who never hears an answer."""
    producer = Producer({"bootstrap.servers": world.cluster.bootstrap, **QUIET})
    for topic in EVENTS.values():
        there = await asyncio.to_thread(landed, world.cluster.bootstrap, topic)
        for _ in range(times):
            for one in there:
                producer.produce(topic.name, one.value, one.key.encode(errors="surrogateescape"), one.partition)
                producer.poll(0)
            await asyncio.to_thread(producer.flush, FLUSH_S)


def _noting(world: World, topic: Topic, value: bytes | None) -> Callable[[KafkaError | None, Message], None]:
    """Note where it came to lie, and why it cannot be used."""

    def noted(error: KafkaError | None, message: Message) -> None:
        if error is None:
            world.poison[topic.name, int(message.partition() or 0), int(message.offset() or 0)] = reason_of(
                topic, value
            )

    return noted


def _booking(world: World, request: int) -> Callable[[KafkaError | None, Message], None]:
    """Note in the ledger whether it is stored."""

    def booked(error: KafkaError | None, _: Message) -> None:
        world.ledger.answer(request, time.monotonic(), STORED if error is None else UNANSWERED)

    return booked


def reason_of(topic: Topic, value: bytes | None) -> str:
    """Return why a record cannot be used. Raises `AssertionError` when it can."""
    try:
        CODEC.decode(value, topic.records)
    except Rejected as rejected:
        return rejected.reason
    raise AssertionError(f"{topic.name} would take {value!r}")
