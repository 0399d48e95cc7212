"""What tests of the doors share: settings for the broker at hand, records onto topics, groups that start at the end."""

import base64
import json
import time
import urllib.request
from collections.abc import Callable

from confluent_kafka import TopicPartition

from connectors import kafka
from connectors.settings import Connection
from schemas.codec import Codec
from schemas.records import Record
from schemas.registry import FileRegistry
from schemas.topics import Topic
from streams.cli.stack import Stack
from streams.runtime.handle import BrokerHandle

__all__ = ["CODEC", "at_the_end", "committed", "connected", "eventually", "send"]

CODEC = Codec(FileRegistry())
PATIENCE_S = 30.0


def connected(broker: BrokerHandle) -> dict[str, str]:
    """An environment that names the broker, whose topics are there."""
    environ = {"KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap}
    kafka.ensure(Connection.read(environ))
    return environ


def send(environ: dict[str, str], topic: Topic, *records: tuple[str, Record | bytes | None]) -> None:
    """Put records on a topic under their keys, acknowledged when this returns."""
    producer = kafka.producer(Connection.read(environ), PATIENCE_S)
    for key, record in records:
        producer.produce(topic.name, CODEC.encode(record) if isinstance(record, Record) else record, key)
    assert producer.flush(PATIENCE_S) == 0


def ends(environ: dict[str, str], topic: Topic) -> list[TopicPartition]:
    """Where the topic ends now."""
    settings = Connection.read(environ)
    consumer = kafka.consumer(settings, "leadstream-tests-ends")
    spots = [TopicPartition(topic.name, partition) for partition in range(kafka.partitions_of(topic, settings))]
    for spot in spots:
        spot.offset = consumer.get_watermark_offsets(spot, PATIENCE_S)[1]
    consumer.close()
    return spots


def at_the_end(environ: dict[str, str], group: str, *topics: Topic) -> str:
    """A group that has read everything that is there: what other tests have sent is not its business."""
    consumer = kafka.consumer(Connection.read(environ), group)
    consumer.commit(offsets=[spot for topic in topics for spot in ends(environ, topic)], asynchronous=False)
    consumer.close()
    return group


def committed(environ: dict[str, str], group: str, topic: Topic) -> bool:
    """Whether the group has read everything that is on the topic."""
    there = ends(environ, topic)
    consumer = kafka.consumer(Connection.read(environ), group)
    done = consumer.committed([TopicPartition(spot.topic, spot.partition) for spot in there], PATIENCE_S)
    consumer.close()
    return [spot.offset for spot in done] == [spot.offset for spot in there]


def eventually(holds: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """Wait until it holds; an assertion fails when it never does."""
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.02)


def post(stack: Stack, number: int) -> None:
    """Send one event as a website does."""
    event = {"event": "Demo Requested", "userId": f"u{number}", "messageId": f"m{number}", "properties": {}}
    key = base64.b64encode(f"{stack.key('LEADSTREAM_WRITE_KEYS')}:".encode()).decode()
    headers = {"authorization": f"Basic {key}", "content-type": "application/json"}
    request = urllib.request.Request(f"{stack.url}/v1/track", json.dumps(event).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200
