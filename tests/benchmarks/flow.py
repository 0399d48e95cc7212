"""The fold every engine runs, in its barest form: decode, step, encode; the rows are in a dict and nowhere else."""

from collections.abc import Iterable
from typing import NamedTuple

from schemas.keys import partition_of
from schemas.records import Record
from schemas.rejected import Rejected
from schemas.step import Agent
from schemas.topics import Topic
from tests.pipeline import CODEC, PARTITIONS
from tests.worker import pipeline


class Sent(NamedTuple):
    """A record on the wire."""

    topic: str
    key: bytes
    value: bytes


def agents() -> tuple[Agent, ...]:
    """Return what is measured: raw event to routed lead. Learning is another process's work."""
    return pipeline()[:2]


class Flow:
    """The agents over bytes. `put` is called with each row that a step has changed, by (table, partition, key)."""

    def __init__(self, declared: Iterable[Agent]) -> None:
        self._agents = {topic.name: agent for agent in declared for topic in agent.inputs}
        self._topics: dict[str, Topic] = {
            topic.name: topic for agent in self._agents.values() for topic in agent.inputs
        }
        self._rows: dict[tuple[str, int, str], Record | None] = {}

    def apply(self, topic: str, partition: int, value: bytes | None) -> list[Sent]:
        """Put one record through; return what it sends. What cannot be used is left out."""
        agent, rows = self._agents[topic], self._rows
        try:
            record = CODEC.decode(value, self._topics[topic].records)
            keys = [(table.name, partition, key) for table, key in zip(agent.tables, agent.keys(record), strict=True)]
            states = tuple(rows.get(key) for key in keys)
            applied = agent.step(states, record)
        except Rejected:
            return []
        for key, old, new in zip(keys, states, applied.states, strict=True):
            if new is not old:
                rows[key] = new
        return [Sent(emit.topic.name, emit.key.encode(), CODEC.encode(emit.record)) for emit in applied.emits]

    def takes(self, topic: str) -> bool:
        """Tell whether an agent reads the topic."""
        return topic in self._agents


def place(key: bytes) -> int:
    """Return the partition of a key."""
    return partition_of(key, PARTITIONS)
