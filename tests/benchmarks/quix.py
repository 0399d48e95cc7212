"""Quix Streams with its own state, at least once or exactly once. The same steps, the same bytes.

`python -m tests.benchmarks.quix BOOTSTRAP EVENTS GUARANTEE COMMIT_S`, in an environment of its own: Quix Streams wants
older clients than ours. In its favour: the four raw topics are not joined (that would align them by time), and the
roster, which is a partition's and not a key's, is a plain dict.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from quixstreams import Application, message_context
from quixstreams.models import Serializer

from schemas.rejected import Rejected
from schemas.step import Agent
from schemas.topics import TOPICS, Topic
from tests.benchmarks.flow import Sent, agents
from tests.benchmarks.meter import Meter
from tests.pipeline import CODEC


class Value(Serializer):  # type: ignore[misc, unused-ignore]
    """Takes the bytes out of what a step has sent."""

    def __call__(self, value: Sent, ctx: object) -> bytes:  # noqa: ARG002 - Quix's signature
        """Return the value on the wire."""
        return value.value


def application(bootstrap: str, guarantee: str, commit_s: float, state: Path, meter: Meter) -> Application:
    """Return a Quix application as its guide would have it, around our steps."""
    made = Application(
        broker_address=bootstrap,
        consumer_group=f"bench-quix-{os.getpid()}",  # changelogs and offsets of its own: every run begins empty
        auto_offset_reset="earliest",
        processing_guarantee=guarantee,
        commit_interval=commit_s,
        state_dir=state,
        loglevel="WARNING",
    )
    outputs = {topic.name: made.topic(topic.name, key_serializer="bytes", value_serializer=Value()) for topic in TOPICS}
    for agent in meter.counted(agents()):
        for topic in agent.inputs:
            source = made.topic(topic.name, key_deserializer="bytes", value_deserializer="bytes")
            sent = made.dataframe(source).apply(_applied(agent, topic), stateful=True, expand=True)
            sent.to_topic(lambda it, *_: outputs[it.topic], key=lambda it: it.key)
    return made


def _applied(agent: Agent, topic: Topic) -> Any:
    table = agent.tables[0]
    rosters: dict[tuple[int, str], Any] = {}

    def apply(value: bytes, state: Any) -> list[Sent]:
        partition = message_context().partition
        try:
            record = CODEC.decode(value, topic.records)
            _, *keys = agent.keys(record)
            row = state.get_bytes("row")
            states = (
                None if row is None else CODEC.decode(row, table.records),
                *(rosters.get((partition, key)) for key in keys),
            )
            applied = agent.step(states, record)
        except Rejected:
            return []
        after, *others = applied.states
        if after is not None and after is not states[0]:
            state.set_bytes("row", CODEC.encode(after))
        rosters.update(zip(((partition, key) for key in keys), others, strict=True))
        return [Sent(emit.topic.name, emit.key.encode(), CODEC.encode(emit.record)) for emit in applied.emits]

    return apply


def main(bootstrap: str, events: int, guarantee: str, commit_s: float) -> None:
    """Run until the load is through."""
    state = Path(tempfile.mkdtemp(prefix="quix-"))  # in the folder of the run, which is removed with it
    meter = Meter(events, idle_s=10.0 + 2 * commit_s)
    made = application(bootstrap, guarantee, commit_s, state, meter)
    meter.start()
    made.run()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4]))
