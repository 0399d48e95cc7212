"""A registry that does not answer: an event whose schema only the registry could tell waits, and is never blamed."""

import os
import signal
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from confluent_kafka import Producer

from schemas.codec import Codec
from schemas.records import Audit, DeadLetter
from schemas.registry import ConfluentRegistry
from schemas.rejected import Reason
from schemas.topics import AUDIT, DEAD_LETTERS, EVENTS_WEB, Emit
from streams.runtime.handle import BrokerHandle
from streams.runtime.process import Process
from streams.runtime.registry import RegistryHandle
from tests.pipeline import QUIET, Worker, fresh_topics, landed, until
from tests.topology.test_bad_records import GOOD

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]
UNKNOWN = (987_654).to_bytes(4, "big")


def test_while_the_registry_hangs_an_event_waits_and_none_is_lost_doubled_or_blamed(
    broker: BrokerHandle, schema_registry: RegistryHandle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not schema_registry.nodes:
        pytest.skip("the registry was given to us; only the one who runs it can halt it")
    node = schema_registry.nodes[0]
    assert isinstance(node, Process)
    assert node.pid is not None
    monkeypatch.setenv("WORKER_REGISTRY_URL", schema_registry.url)
    codec = Codec(ConfluentRegistry(schema_registry.url))
    producer = Producer({"bootstrap.servers": broker.bootstrap, "partitioner": "murmur2_random", **QUIET})

    def send(emits: Iterable[Emit], schema_id: bytes = b"") -> None:
        for emit in emits:
            value = codec.encode(emit.record)
            producer.produce(EVENTS_WEB.name, value[:1] + (schema_id or value[1:5]) + value[5:], emit.key.encode())
        producer.flush(10)

    def resolved() -> Counter[str]:
        audits = [codec.decode(one.value, (Audit,)) for one in landed(broker.bootstrap, AUDIT)]
        ours = [audit for audit in audits if isinstance(audit, Audit) and audit.agent == "resolve"]
        fates: Counter[str] = Counter()
        for tally in (tally for audit in ours for tally in audit.tallies):
            fates[tally.fate] += tally.count
        return fates

    fresh_topics(broker.bootstrap)
    worker = Worker(broker.bootstrap, "outage", tmp_path / "worker.log")
    worker.start()
    try:
        until(lambda: len(worker.owned) > 0)  # by then the new topics have their leaders
        send(GOOD[:10])
        until(lambda: resolved().total() == 10)
        os.kill(node.pid, signal.SIGSTOP)
        try:
            send(GOOD[:1], UNKNOWN)
            send(GOOD[10:])
            until(lambda: worker.said.count("to be done again") >= 3)
            assert resolved()["dead_letter"] == 0
        finally:
            os.kill(node.pid, signal.SIGCONT)
        until(lambda: resolved().total() >= len(GOOD) + 1)
    finally:
        worker.kill()
    assert resolved().total() == len(GOOD) + 1
    (letter,) = (codec.decode(one.value, (DeadLetter,)) for one in landed(broker.bootstrap, DEAD_LETTERS))
    assert isinstance(letter, DeadLetter)
    assert letter.reason == Reason.UNKNOWN_SCHEMA
