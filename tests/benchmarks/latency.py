"""From event to routed lead, seen from outside: the clock starts when the event is written, stops when a subscriber
that reads committed has the decision."""

import threading
import time
from collections.abc import Sequence
from statistics import quantiles
from typing import NamedTuple

from confluent_kafka import Consumer, TopicPartition

from schemas.records import RoutedLead
from schemas.topics import LEADS_ROUTED
from tests.benchmarks.engines import Engine
from tests.benchmarks.flow import Sent
from tests.benchmarks.load import feed
from tests.pipeline import CODEC, PARTITIONS, QUIET, fresh_topics, until
from tests.traffic import ENDS

WARM_EVENTS = 400
FED_S = 12.0
TAIL_S = 3.0


class Latency(NamedTuple):
    """Event to routed lead, in milliseconds, over `decisions` decisions."""

    p50_ms: float
    p99_ms: float
    decisions: int


class Subscriber:
    """Reads routed leads as they come and notes how old their cause is."""

    def __init__(self, bootstrap: str) -> None:
        self.began = time.monotonic()
        self.ages_ms: list[float] = []
        self._stopped = threading.Event()
        more = {"group.id": "bench-latency", "isolation.level": "read_committed", "enable.auto.commit": False}
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "fetch.wait.max.ms": 10, **more, **QUIET})
        self._consumer.assign([TopicPartition(LEADS_ROUTED.name, partition, 0) for partition in range(PARTITIONS)])
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Read no more."""
        self._stopped.set()
        self._thread.join()
        self._consumer.close()

    def _read(self) -> None:
        while not self._stopped.is_set():
            message = self._consumer.poll(0.1)
            if message is None or message.error() is not None:
                continue
            now = time.monotonic() - self.began
            routed = CODEC.decode(message.value(), LEADS_ROUTED.records)
            if isinstance(routed, RoutedLead):
                self.ages_ms.append(1000 * (now + ENDS - routed.received_at))


def latency(bootstrap: str, engine: Engine, load: Sequence[Sent], per_s: float) -> Latency:
    """Feed a running engine at a rate and return how long its decisions took."""
    fresh_topics(bootstrap)
    subscriber = Subscriber(bootstrap)
    warm, rest = load[:WARM_EVENTS], load[WARM_EVENTS : WARM_EVENTS + int(per_s * FED_S)]
    with engine.running(bootstrap):
        feed(bootstrap, warm, per_s, subscriber.began)
        until(lambda: len(subscriber.ages_ms) > 0, timeout_s=60)
        time.sleep(TAIL_S)
        subscriber.ages_ms.clear()
        feed(bootstrap, rest, per_s, subscriber.began)
        time.sleep(TAIL_S)
    subscriber.stop()
    cuts = quantiles(subscriber.ages_ms, n=100)
    return Latency(cuts[49], cuts[98], len(subscriber.ages_ms))
