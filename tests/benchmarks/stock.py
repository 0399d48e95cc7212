"""Stock Faust: its own transport, agents, tables in memory, at least once. The same steps, the same bytes.

`python -m tests.benchmarks.stock BOOTSTRAP EVENTS`.
"""

import os
import sys
from collections.abc import AsyncIterable
from typing import Any

import faust
from faust.serializers import codecs

from schemas.rejected import Rejected
from schemas.step import Agent
from schemas.topics import TOPICS
from tests.benchmarks.flow import agents
from tests.benchmarks.meter import Meter
from tests.pipeline import CODEC, PARTITIONS


class Rows(codecs.Codec):
    """Rows on their way to a changelog."""

    def _loads(self, s: bytes) -> Any:
        raise NotImplementedError(f"every run begins empty; {len(s)} bytes do not belong here")

    def _dumps(self, s: Any) -> bytes:
        return CODEC.encode(s)


def app(bootstrap: str, meter: Meter) -> faust.App:
    """Return a Faust app as its guide would have it, around our steps."""
    codecs.register("rows", Rows())
    brokers = [f"kafka://{server}" for server in bootstrap.split(",")]
    made = faust.App(
        f"bench-faust-{os.getpid()}",  # changelogs and offsets of its own: every run begins empty
        broker=brokers,
        store="memory://",
        consumer_auto_offset_reset="earliest",
        topic_partitions=PARTITIONS,
        web_enabled=False,
    )
    outputs = {topic.name: made.topic(topic.name, **_raw()) for topic in TOPICS}
    for agent in meter.counted(agents()):
        _register(made, agent, outputs)
    return made


def _register(made: faust.App, agent: Agent, outputs: dict[str, Any]) -> None:
    tables = [made.Table(topic.name.replace(".", "-"), key_type=bytes) for topic in agent.tables]
    for table in tables:
        table.value_serializer = "rows"  # type: ignore[attr-defined] # rows stay records in memory, and are encoded for the changelog only
    records = {topic.name: topic.records for topic in agent.inputs}
    channel = made.topic(*records, **_raw())

    @made.agent(channel, name=agent.name)
    async def run(stream: Any) -> None:
        events: AsyncIterable[Any] = stream.events()
        async for event in events:
            partition = event.message.partition
            try:
                record = CODEC.decode(event.value, records[event.message.topic])
                keys = [
                    f"{partition}/{key}".encode() for key in agent.keys(record)
                ]  # its tables span partitions, ours do not
                states = tuple(table.get(key) for table, key in zip(tables, keys, strict=True))
                applied = agent.step(states, record)
            except Rejected:
                continue
            for table, key, old, new in zip(tables, keys, states, applied.states, strict=True):
                if new is not old:
                    table[key] = new
            for emit in applied.emits:
                await outputs[emit.topic.name].send(key=emit.key.encode(), value=CODEC.encode(emit.record))


def _raw() -> dict[str, Any]:
    return {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}


def main(bootstrap: str, events: int) -> None:
    """Run until the load is through."""
    meter = Meter(events)
    meter.start()
    made = app(bootstrap, meter)
    made.finalize()
    faust.Worker(made, loglevel="WARNING").execute_from_commandline()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
