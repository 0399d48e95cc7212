"""A collector that really listens, for tests: its address, requests to it, and the raw events it has stored."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple

from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from connectors.collector import build, server
from connectors.kafka import LATEST, client, ensure
from connectors.settings import CollectorSettings
from schemas.codec import Codec
from schemas.person import unseal
from schemas.records import RawEvent
from schemas.registry import FileRegistry
from schemas.topics import EVENTS, NOTICES, Topic

__all__ = ["Answer", "Collecting", "collecting"]


class Answer(NamedTuple):
    status: int
    body: bytes
    headers: dict[str, str]

    def json(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.body)
        return found


@dataclass
class Collecting:
    """`began` holds the end of every events topic when the collector started: what lies before is not this test's."""

    url: str
    settings: CollectorSettings
    admin: AdminClient
    began: dict[tuple[str, int], int]

    def ask(self, path: str, body: bytes | None = None, method: str = "", **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        asked = urllib.request.Request(self.url + path, body, named, method=method or None)
        if body is not None and "content-type" not in named:
            asked.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(asked, timeout=20) as answer:
                return Answer(answer.status, answer.read(), {k.lower(): v for k, v in answer.headers.items()})
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read(), {k.lower(): v for k, v in error.headers.items()})

    def from_now_on(self) -> "Collecting":
        """The same collector, with what is stored already forgotten."""
        return replace(self, began=_ends(self.admin, self.settings))

    def stored(self, topic: Topic) -> list[tuple[bytes, RawEvent]]:
        """Every raw event stored since the start, with its Kafka key, partition by partition."""
        codec = Codec(FileRegistry(), ("RawEvent",))
        found = sorted(self._read(topic), key=lambda message: (message.partition() or 0, message.offset() or 0))
        return [(message.key() or b"", _raw(codec, message)) for message in found]

    def bodies(self, topic: Topic) -> list[bytes]:
        return [unseal(event.person, event.person_key)["body"] for _, event in self.stored(topic)]  # type: ignore[misc]

    def _read(self, topic: Topic) -> list[Message]:
        ends = _ends(self.admin, self.settings)
        places = [TopicPartition(*place, at) for place, at in self.began.items() if place[0] == topic.name]
        left = sum(ends[place.topic, place.partition] - place.offset for place in places)
        messages: list[Message] = []
        if not left:
            return messages
        consumer = Consumer({**client(self.settings), "group.id": "reading", "fetch.wait.max.ms": 20})
        try:
            consumer.assign(places)
            until = time.monotonic() + 10
            while len(messages) < left:
                assert time.monotonic() < until, f"{left - len(messages)} events cannot be read back"
                messages += [message for message in consumer.consume(left, 0.1) if not message.error()]
        finally:
            consumer.close()
        return messages


@contextmanager
def collecting(settings: CollectorSettings, clock: Callable[[], float] = time.time) -> Iterator[Collecting]:
    """Run a collector on a free port of 127.0.0.1 until the block ends; `settings` must name a broker that answers."""
    ensure(settings)
    serving = server(build(settings, clock), settings)
    thread = threading.Thread(target=serving.run)
    thread.start()
    try:
        until = time.monotonic() + 20
        while not serving.started:
            assert thread.is_alive(), "the collector did not start"
            assert time.monotonic() < until, "the collector takes too long to start"
            time.sleep(0.01)
        port = serving.servers[0].sockets[0].getsockname()[1]
        admin = AdminClient(client(settings))
        yield Collecting(f"http://127.0.0.1:{port}", settings, admin, _ends(admin, settings))
    finally:
        serving.should_exit = True
        thread.join(20)


def _ends(admin: AdminClient, settings: CollectorSettings) -> dict[tuple[str, int], int]:
    topics = (*EVENTS.values(), NOTICES)
    places = [TopicPartition(topic.name, n) for topic in topics for n in range(settings.partitions)]
    answers = admin.list_offsets(dict.fromkeys(places, LATEST))
    return {(place.topic, place.partition): answer.result(10).offset for place, answer in answers.items()}


def _raw(codec: Codec, message: Message) -> RawEvent:
    event = codec.decode(message.value(), (RawEvent,))
    assert isinstance(event, RawEvent)
    return event
