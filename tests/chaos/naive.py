"""The control: the same steps in stock Faust, as its guide has it. The harness must find it out.

Records are decoded by the topics' codecs, rows are in Faust's tables, outputs are sent one by one, and Faust acks,
commits and recovers as it does. What a step rejects is buried, as ours is; that much any author would see to.
Its changelogs are our state topics, so that one oracle reads both; it writes no audit.

`python -m tests.chaos.naive BOOTSTRAP FOLDER STATE GUARANTEE`, state memory or rocksdb, guarantee at_least_once or
exactly_once.
"""

import sys
import time
from collections.abc import AsyncIterable
from pathlib import Path
from typing import Any

import faust
from faust.serializers import codecs

from schemas.letters import letter
from schemas.records import Record
from schemas.rejected import Rejected
from schemas.step import Agent
from schemas.topics import DEAD_LETTERS, TOPICS, Topic
from tests.pipeline import CODEC, PARTITIONS
from tests.reference import STATES, Log
from tests.worker import pipeline

RAW: dict[str, Any] = {"key_type": bytes, "key_serializer": "raw"}
SESSION_S = 6.0  # as long as ours


class Avro(codecs.Codec):
    """Records on the wire, for Faust's topics and tables."""

    def __init__(self, children: Any = None, *, records: tuple[type[Record], ...]) -> None:
        self._records = records
        super().__init__(children, records=records)

    def _loads(self, s: bytes) -> Any:
        return CODEC.decode(s, self._records)

    def _dumps(self, s: Any) -> bytes:
        return CODEC.encode(s)


def app(bootstrap: str, folder: Path, state: str, guarantee: str) -> faust.App:
    """Return the app."""
    made = faust.App(
        "leadstream",
        broker=[f"kafka://{server}" for server in bootstrap.split(",")],
        store=f"{state}://",
        datadir=str(folder),
        processing_guarantee=guarantee,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=SESSION_S,
        broker_heartbeat_interval=SESSION_S / 3,
        topic_partitions=PARTITIONS,
        topic_disable_leader=True,
        web_enabled=False,
    )
    outputs = {topic.name: _channel(made, topic) for topic in TOPICS if topic.records}
    for agent in pipeline():
        _register(made, agent, outputs)
    return made


def _channel(made: faust.App, *topics: Topic, **options: Any) -> Any:
    """Return topics whose values Faust decodes and encodes as records."""
    name = f"avro-{'-'.join(topic.name for topic in topics)}"
    codecs.register(name, Avro(records=tuple(dict.fromkeys(it for topic in topics for it in topic.records))))
    return made.topic(*(topic.name for topic in topics), **RAW, value_serializer=name, **options)


def _table(made: faust.App, topic: Topic) -> Any:
    """Return a table of records, whose changelog is the state's own topic."""
    partitions = topic.partitions or PARTITIONS
    changelog = _channel(
        made,
        topic,
        partitions=partitions,
        compacting=True,
        acks=False,
        internal=True,
        allow_empty=True,
        maxsize=131_072,
    )
    table: Any = made.Table(
        topic.name.replace(".", "-"), key_type=bytes, partitions=partitions, changelog_topic=changelog
    )
    table.value_serializer = changelog.value_serializer
    return table


def _register(made: faust.App, agent: Agent, outputs: dict[str, Any]) -> None:
    tables = [_table(made, topic) for topic in agent.tables]

    @made.agent(_channel(made, *agent.inputs), name=agent.name)
    async def run(stream: Any) -> None:
        events: AsyncIterable[Any] = stream.events()
        async for event in events:
            message, record = event.message, event.value
            try:
                keys = [f"{message.partition}/{key}".encode() for key in agent.keys(record)]  # tables span partitions
                states = tuple(table.get(key) for table, key in zip(tables, keys, strict=True))
                applied = agent.step(states, record)
            except Rejected as rejected:
                place = message.topic, message.partition, message.offset
                said: dict[str, Any] = {"reason": rejected.reason, "detail": rejected.detail, "failed_at": time.time()}
                buried = letter(place, message.key or b"", message.value or b"", stage=agent.name, **said)
                await outputs[DEAD_LETTERS.name].send(key=buried.id.encode(), value=buried)
                continue
            for table, key, old, new in zip(tables, keys, states, applied.states, strict=True):
                if new is not old:
                    table[key] = new
            for emit in applied.emits:
                await outputs[emit.topic.name].send(key=emit.key.encode(), value=emit.record)


def told(log: Log) -> Log:
    """Return the log with the partition taken off the keys of state rows: ours have it in their place alone."""
    states = {topic.name for topic in STATES}
    return {
        name: [one._replace(key=one.key.partition("/")[2]) if name in states else one for one in found]
        for name, found in log.items()
    }


def main(bootstrap: str, folder: str, state: str, guarantee: str) -> None:
    """Run until SIGTERM."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    made = app(bootstrap, Path(folder), state, guarantee)
    made.finalize()
    faust.Worker(made, loglevel="INFO").execute_from_commandline()


if __name__ == "__main__":
    main(*sys.argv[1:])
