"""Do labels that pile up delay leads? `python -m tests.benchmarks.labels`; two minutes, on Apache Kafka only.

One worker gets events at a steady rate, once with nothing else to do and once with thousands of training examples
waiting for it, as after an outage. `python -m tests.benchmarks.labels BOOTSTRAP` is that worker.
"""

import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

from confluent_kafka import Producer

from schemas.topics import EVENTS, TRAINING_EXAMPLES
from streams.domain.scoring import KIND
from streams.engine.app import build, run
from streams.engine.config import Config
from streams.engine.fold import Fold
from streams.engine.offsets import Kafka, committed
from streams.runtime.kafka import LocalKafka
from streams.runtime.provider import Wish
from tests.benchmarks import load
from tests.benchmarks.engines import command, running
from tests.benchmarks.latency import TAIL_S, Subscriber
from tests.pipeline import CODEC, PARTITIONS, QUIET, fresh_topics, until
from tests.reference import pump
from tests.traffic import raw_events
from tests.worker import pipeline

PER_S, FOR_S = 200, 20
LABELLED = 20_000  # raw events whose leads' labels pile up
FIRST = 100  # events there from the start, by which the worker is seen at work
LABELS = (TRAINING_EXAMPLES.name, 0)


class Delayed(NamedTuple):
    """Event to routed lead, milliseconds, beside so many examples `waiting`; how many were `learned` meanwhile."""

    waiting: int
    p50_ms: float
    p99_ms: float
    learned: int


def examples(events: int) -> list[bytes]:
    """Return the training examples that so many raw events make, as they lie on their topic."""
    folds = [Fold(agent) for agent in pipeline() if agent.name != "learn"]
    made = pump(folds, raw_events(events, seed=11))
    return [CODEC.encode(emit.record) for emit in made if emit.topic is TRAINING_EXAMPLES]


def delayed(bootstrap: str, waiting: Sequence[bytes]) -> Delayed:
    """Feed one worker, so many examples waiting for it."""
    fresh_topics(bootstrap)
    producer = Producer({"bootstrap.servers": bootstrap, **QUIET})
    for value in waiting:
        producer.produce(TRAINING_EXAMPLES.name, value, KIND.encode())
        producer.poll(0)
    assert producer.flush(60) == 0
    events = load.make(FIRST + PER_S * FOR_S)
    load.preload(bootstrap, events[:FIRST])
    with running(command("labels", bootstrap)):
        until(lambda: sum(_done(bootstrap).values()) > 0, timeout_s=120)
        subscriber, before = Subscriber(bootstrap), _done(bootstrap)[LABELS]
        load.feed(bootstrap, events[FIRST:], PER_S, subscriber.began)
        learned = _done(bootstrap)[LABELS] - before
        until(lambda: time.monotonic() - subscriber.last_at > TAIL_S, timeout_s=200)
        subscriber.stop()
    cuts = quantiles(subscriber.ages_ms, n=100)
    return Delayed(len(waiting), cuts[49], cuts[98], learned)


def _done(bootstrap: str) -> dict[tuple[str, int], int]:
    spots = [LABELS, *((topic.name, part) for topic in EVENTS.values() for part in range(PARTITIONS))]
    return committed({"bootstrap.servers": bootstrap, **QUIET}, "leadstream", spots)


async def work(bootstrap: str) -> None:
    """Be the worker: all agents, rounds as large as in production."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    kafka: Kafka = {"bootstrap.servers": bootstrap, "enable.metrics.push": False, "log_level": 0}
    await run(build(pipeline(), Config(kafka, worker="worker-0", partitions=PARTITIONS), CODEC), stop)


def main() -> None:
    """Measure both, and say so."""
    piled = examples(LABELLED)
    with tempfile.TemporaryDirectory(prefix="leadstream-labels-") as folder:
        broker = LocalKafka().start(Wish(Path(folder)))
        try:
            delayed(broker.bootstrap, ())  # a broker that has just started is slow
            for waiting in ((), piled):
                found = delayed(broker.bootstrap, waiting)
                took = f"event to routed lead p50 {found.p50_ms:.0f}, p99 {found.p99_ms:.0f} ms"
                said = f"{found.waiting:,} examples waiting, {PER_S} events/s: {took}; {found.learned:,} learned"
                sys.stdout.write(f"{said}\n")
        finally:
            broker.stop()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(work(sys.argv[1]))
    else:
        main()
