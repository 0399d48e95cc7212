"""A changelog of a million leads: rows as the demo's traffic makes them, each under an id of its own."""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import islice
from random import Random
from typing import NamedTuple

from confluent_kafka import Producer

from schemas.keys import partition_of
from schemas.records import Channel, Kind, LeadProfile, Touchpoint, Visitor
from schemas.topics import LEADS_PROFILES, TOUCHPOINTS, VISITORS, Emit, Topic
from streams.engine.fold import Fold
from streams.engine.outbox import SETTINGS
from tests.pipeline import CODEC, PARTITIONS, QUIET
from tests.traffic import ENDS, raw_events
from tests.worker import pipeline

SAMPLE = 20_000  # raw events, whose rows are taken
IN_A_TRANSACTION = 4_000


class Row(NamedTuple):
    """A row of a changelog, as it lies in Kafka."""

    topic: Topic
    key: bytes
    value: bytes


class Sample(NamedTuple):
    """Rows as they come about: leads (those absorbed by another among them, as stubs), and the visitors beside them."""

    leads: list[Row]
    visitors: list[Row]

    @property
    def stubs(self) -> float:
        """The share of leads that are stubs: forwarding addresses."""
        found = [CODEC.decode(row.value, LEADS_PROFILES.records) for row in self.leads]
        return sum(isinstance(it, LeadProfile) and it.merged_into != "" for it in found) / len(found)


def sample(*, whole: bool = False) -> Sample:
    """Return the rows that the demo's traffic leaves; `whole` = no stubs and no visitors."""
    resolve, qualify, *_ = (Fold(agent) for agent in pipeline())
    todo = list(raw_events(SAMPLE))
    for emit in todo:
        todo.extend(it for it in resolve.apply(0, emit.record) if it.topic in resolve.agent.inputs)
    onward = [emit for emit in resolve.emitted if emit.topic is TOUCHPOINTS]
    for emit in onward:
        onward.extend(it for it in qualify.apply(0, emit.record) if it.topic is TOUCHPOINTS)
    leads = [row for row in qualify.rows.values() if isinstance(row, LeadProfile) and not (whole and row.merged_into)]
    visitors = [] if whole else [row for row in resolve.rows.values() if isinstance(row, Visitor)]
    return Sample(
        [Row(LEADS_PROFILES, row.lead_id.encode(), CODEC.encode(row)) for row in leads],
        [Row(VISITORS, row.visitor_id.encode(), CODEC.encode(row)) for row in visitors],
    )


def lead_id(number: int, like: bytes) -> bytes:
    """Return the id of the lead of that number, of the kind that the sample's has."""
    return like[:2] + blake2b(b"%d" % number, digest_size=12).hexdigest().encode()


def rows(of: Sample, leads: int) -> Iterator[Row]:
    """Yield so many leads, and their visitors in proportion."""
    for found, count in ((of.leads, leads), (of.visitors, leads * len(of.visitors) // len(of.leads))):
        for number in range(count):
            row = found[number % len(found)]
            key = lead_id(number, row.key)
            yield Row(row.topic, key, row.value.replace(row.key, key, 1))


def write(bootstrap: str, found: Iterable[Row]) -> int:
    """Write rows as a worker does, a transaction at a time; return how many bytes they have."""
    producer = Producer({**SETTINGS, "bootstrap.servers": bootstrap, "transactional.id": "state-bench", **QUIET})
    producer.init_transactions(30)
    found, size = iter(found), 0
    while part := list(islice(found, IN_A_TRANSACTION)):
        producer.begin_transaction()
        for topic, key, value in part:
            producer.produce(topic.name, value, key, partition_of(key, PARTITIONS))
            size += len(value)
        producer.commit_transaction(60)
    return size


def visits(of: Sample, leads: int, count: int, seed: str) -> Iterator[Emit]:
    """Yield touchpoints of leads picked at random: each asks the state for a row that was not asked for lately."""
    rng = Random(seed)
    for number in range(count):
        picked = rng.randrange(leads)
        lead = lead_id(picked, of.leads[picked % len(of.leads)].key).decode()
        touch = Touchpoint(
            id=f"{seed}-{number}",
            lead_id=lead,
            kind=Kind.PRICING,
            channel=Channel.WEB,
            occurred_at=ENDS,
            received_at=ENDS,
        )
        yield Emit(TOUCHPOINTS, lead, touch)
