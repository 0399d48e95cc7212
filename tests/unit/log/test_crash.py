"""A step that crashes on a record says where, never what the record held, and the record is buried."""

import io
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from connectors.log.lines import Lines, Shape
from schemas.records import RawEvent
from schemas.step import Agent, Applied, States
from schemas.topics import EVENTS_WEB
from streams.engine.boundary import Boundary, Slice
from streams.engine.outbox import Outbox
from tests.builders import raw_event
from tests.pipeline import CODEC

CANARY = "zoe.canary@example.com"


class Sent(Outbox):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        self.topics: list[str] = []
        self.headers = None

    def send(self, topic: str, *_: object, **__: object) -> None:
        self.topics.append(topic)


@dataclass
class Record:
    """A record as it is consumed."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


def crashes(_: States, record: object) -> Applied:
    assert isinstance(record, RawEvent)
    raise ValueError(f"no such thing: {record.event_id}")


def test_a_crash_is_told_without_the_record() -> None:
    stream, log = io.StringIO(), logging.getLogger("streams.engine.boundary")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Lines(Shape.JSON, "worker"))
    agent = Agent("resolve", (EVENTS_WEB,), (), lambda _: (), crashes, keyed=False)
    log.addHandler(handler)
    try:
        sent = Sent()
        Boundary(agent, CODEC, sent, 4).apply(
            Slice(EVENTS_WEB.name, 3, [Record(7, 0, b"v-1", CODEC.encode(raw_event(event_id=CANARY)))]), (), []
        )
    finally:
        log.removeHandler(handler)
    [event] = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert CANARY not in stream.getvalue()
    at = {"agent": "resolve", "topic": "events.web", "partition": 3, "offset": 7}
    assert {name: event[name] for name in at} == at
    assert (event["event"], event["error"], event["trace"][-1]) == ("a step crashed", "ValueError", "ValueError")
    assert event["trace"][-2].endswith(" crashes")
    assert sent.topics == ["dead-letters", "audit"]
