"""Where the fold's time goes, stage by stage: each is run by itself over what it gets in the fold, saved beforehand.

`python -m tests.benchmarks.stages [EVENTS]`. A stage that is made of others is measured whole, and shown without them.
"""

import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, cast

from rich.console import Console
from rich.table import Table

from connectors.sources import SOURCES
from schemas.keys import rank
from schemas.learning import Pending
from schemas.records import LeadProfile, Record, Touchpoint
from schemas.rejected import Rejected
from schemas.step import Agent, States
from schemas.topics import TOUCHPOINTS
from streams.agents.resolve import read
from streams.cards import card
from streams.domain.blend import Blend
from streams.domain.features import features
from streams.domain.profile import observe
from streams.engine.garbage import spare
from tests.benchmarks.flow import Sent, agents, place
from tests.benchmarks.load import make
from tests.pipeline import CODEC

ROUNDS = 3  # the one with the least CPU time counts: others on this machine only ever add to it
ADAPTERS = {name: source.adapt for name, source in SOURCES.items()}


class Stage(NamedTuple):
    """One stage, and its CPU microseconds per raw event."""

    name: str
    us_per_event: float


class Taken(NamedTuple):
    """One record on its way through a step: its bytes, what it was decoded to, the states it met, what came of it."""

    value: bytes
    record: Record
    states: States
    after: States
    sent: tuple[Record, ...]


class Walk:
    """The fold, once, with everything kept that a stage gets."""

    def __init__(self, load: Iterable[Sent]) -> None:
        self.resolve, self.qualify = agents()
        self.told: dict[str, list[Taken]] = {self.resolve.name: [], self.qualify.name: []}
        self._rows: dict[tuple[str, int, str], Record | None] = {}
        due = deque(load)
        while due:
            topic, key, value = due.popleft()
            agent = self.qualify if topic == TOUCHPOINTS.name else self.resolve
            due.extend(self._taken(agent, place(key), value))

    def _taken(self, agent: Agent, partition: int, value: bytes) -> list[Sent]:
        allowed = tuple(kind for topic in agent.inputs for kind in topic.records)
        record = CODEC.decode(value, allowed)
        keys = [(table.name, partition, key) for table, key in zip(agent.tables, agent.keys(record), strict=True)]
        states = tuple(self._rows.get(key) for key in keys)
        try:
            applied = agent.step(states, record)
        except Rejected:
            return []
        self._rows.update(zip(keys, applied.states, strict=True))
        sent = tuple(emit.record for emit in applied.emits)
        self.told[agent.name].append(Taken(value, record, states, applied.states, sent))
        inputs = {topic.name for one in (self.resolve, self.qualify) for topic in one.inputs}
        return [
            Sent(emit.topic.name, emit.key.encode(), CODEC.encode(emit.record))
            for emit in applied.emits
            if emit.topic.name in inputs
        ]


def stages(events: int) -> list[Stage]:
    """Measure every stage over so many raw events. The last two are the engine's to pay, at most once a round."""
    walk = Walk(make(events))
    spare()
    resolve, qualify = walk.told["resolve"], walk.told["qualify"]
    touches = [(_before(it), it.record) for it in qualify if isinstance(it.record, Touchpoint)]
    after = [cast("LeadProfile", it.after[0]) for it in qualify]
    scored = [lead for lead in after if lead.lead_id and rank(lead.lead_id) >= 1 and not lead.merged_into]
    asked = [cast("LeadProfile", it.after[0]) for it in qualify if any(isinstance(one, Pending) for one in it.sent)]
    values = [(lead, features(lead, lead.last_seen)) for lead in scored]
    scorer = Blend(card())

    def us(stage: Callable[[], object]) -> float:
        return min(_cpu_s(stage) for _ in range(ROUNDS)) / events * 1e6

    decode, encode = CODEC.decode, CODEC.encode
    raws, told = tuple(type(it.record) for it in resolve[:1]), TOUCHPOINTS.records
    adapt = us(lambda: [read(ADAPTERS, it.record) for it in resolve])  # type: ignore[arg-type]
    fold = us(lambda: [observe(lead, touch) for lead, touch in touches])
    seen = us(lambda: [features(lead, lead.last_seen) for lead in asked])
    score = us(lambda: [scorer.score(lead, of, lead.last_seen) for lead, of in values])
    resolving = us(lambda: [walk.resolve.step(it.states, it.record) for it in resolve])
    qualifying = us(lambda: [walk.qualify.step(it.states, it.record) for it in qualify])
    return [
        Stage("decode the raw event", us(lambda: [decode(it.value, raws) for it in resolve])),
        Stage("adapt (the sender's JSON)", adapt),
        Stage("consent, identity, touchpoint", resolving - adapt),
        Stage("encode the touchpoint", us(lambda: [encode(one) for it in resolve for one in it.sent])),
        Stage("decode the touchpoint", us(lambda: [decode(it.value, told) for it in qualify])),
        Stage("observe (profile)", fold),
        Stage("features (for questions)", seen),
        Stage("score", score),
        Stage("stage, route, announce", qualifying - fold - seen - score),
        Stage("encode the routed lead", us(lambda: [encode(one) for it in qualify for one in it.sent])),
        Stage("changelog: encode the visitor", us(lambda: [encode(row) for row in _changed(resolve)])),
        Stage("changelog: encode the profile", us(lambda: [encode(row) for row in _changed(qualify)])),
    ]


def _before(taken: Taken) -> LeadProfile:
    lead = cast("LeadProfile | None", taken.states[0])
    return LeadProfile(lead_id=cast("Touchpoint", taken.record).lead_id) if lead is None else lead


def _changed(taken: Sequence[Taken]) -> list[Record]:
    return [
        new for it in taken for old, new in zip(it.states, it.after, strict=True) if new is not None and new is not old
    ]


def _cpu_s(stage: Callable[[], object]) -> float:
    began = time.process_time()
    stage()
    return time.process_time() - began


def main(events: int) -> None:
    """Show the table."""
    table = Table("stage", "CPU µs/event", title=f"The fold's stages, {events:,} raw events")
    for name, us_per_event in stages(events):
        table.add_row(name, f"{us_per_event:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
