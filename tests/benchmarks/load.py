"""The load: the same raw events for every engine, encoded once; all there at the start, or coming at a steady rate."""

import struct
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import msgspec
from confluent_kafka import Producer

from tests.benchmarks.flow import Sent
from tests.pipeline import CODEC, QUIET
from tests.traffic import ENDS, raw_events

RECEIVED = struct.pack("<d", ENDS)  # what every event of the load says of when it was received


def make(events: int) -> list[Sent]:
    """Return exactly so many raw events, as they will lie in their topics."""
    made = raw_events(events + events // 10 + 100)  # a few of the generator's are refused at the door
    return [Sent(it.topic.name, it.key.encode(), CODEC.encode(it.record)) for it in islice(made, events)]


def save(load: Sequence[Sent], path: Path) -> None:
    """Leave the load where a process without Kafka finds it."""
    path.write_bytes(msgspec.msgpack.encode(load))


def saved(path: Path) -> list[Sent]:
    """Return the load left by `save`."""
    return msgspec.msgpack.decode(path.read_bytes(), type=list[Sent])


def preload(bootstrap: str, load: Sequence[Sent]) -> None:
    """Write the load at once."""
    producer = _producer(bootstrap)
    for sent in load:
        producer.produce(sent.topic, sent.value, sent.key)
        producer.poll(0)
    assert producer.flush(60) == 0


def feed(bootstrap: str, load: Sequence[Sent], per_s: float, began: float) -> None:
    """Write the load at a rate, each event received now: `ENDS` plus the seconds since `began` (monotonic)."""
    producer = _producer(bootstrap)
    halves = [sent.value.split(RECEIVED, 1) for sent in load]  # before the clock runs: the machine is the engine's
    start = time.monotonic()
    for number, (sent, (head, tail)) in enumerate(zip(load, halves, strict=True)):
        ahead_s = start + number / per_s - time.monotonic()
        if ahead_s > 0.001:
            time.sleep(ahead_s)
        fresh = struct.pack("<d", ENDS + time.monotonic() - began)
        producer.produce(sent.topic, head + fresh + tail, sent.key)
        producer.poll(0)
    assert producer.flush(60) == 0


def _producer(bootstrap: str) -> Producer:
    more = {"partitioner": "murmur2_random", "linger.ms": 1, "queue.buffering.max.messages": 1_000_000}
    return Producer({"bootstrap.servers": bootstrap, **more, **QUIET})
