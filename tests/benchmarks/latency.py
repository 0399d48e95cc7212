"""From event to routed lead, seen from outside: the clock starts when the event is written, stops when a subscriber
that reads committed has the decision."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
RUSH_SHARE = 0.3  # of the load: it finds out at what rate everything keeps up
RATES = (300, 1_000, 3_000)  # events a second at which the page tells this engine's latency
FED_S = 12.0
TAIL_S = 3.0


class Latency(NamedTuple):
    """Event to routed lead, in milliseconds, over `decisions` decisions; `live_per_s` = twice the rate fed."""

    p50_ms: float
    p99_ms: float
    decisions: int
    live_per_s: float


class Subscriber:
    """Reads routed leads as they come and notes how old their cause is."""

    def __init__(self, bootstrap: str) -> None:
        self.began = time.monotonic()
        self.ages_ms: list[float] = []
        self.last_at = self.began  # when the latest decision came, monotonic
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
            self.last_at = time.monotonic()
            routed = CODEC.decode(message.value(), LEADS_ROUTED.records)
            if isinstance(routed, RoutedLead):
                self.ages_ms.append(1000 * (self.last_at - self.began + ENDS - routed.received_at))


def latency(bootstrap: str, engine: Engine, load: Sequence[Sent], full_per_s: float) -> Latency:
    """Find out how many events a second this machine keeps up with, writer, broker and subscriber included; feed half.

    Input that lies there when an engine starts is handled faster (`full_per_s`), but nobody can live at half of that
    rate where the four share their cores: queues would grow, and their length be taken for the engine's latency. So the
    writer tries that rate, and keeps on writing while the engine falls behind.
    """
    rushed = WARM_EVENTS + int(RUSH_SHARE * len(load))
    with _warm(bootstrap, engine, load[:WARM_EVENTS]) as subscriber:
        start = time.monotonic()
        feed(bootstrap, load[WARM_EVENTS:rushed], full_per_s, subscriber.began)
        _settle(subscriber)
        live_per_s = (rushed - WARM_EVENTS) / (subscriber.last_at - start)
        return _fed(bootstrap, load[rushed:], live_per_s / 2, subscriber)._replace(live_per_s=live_per_s)


def by_rate(bootstrap: str, engine: Engine, load: Sequence[Sent]) -> Iterator[Latency]:
    """Yield what an engine takes at each of `RATES`, as far as the load reaches."""
    at = WARM_EVENTS
    with _warm(bootstrap, engine, load[:at]) as subscriber:
        for rate in RATES:
            yield _fed(bootstrap, load[at:], rate, subscriber)
            at += int(rate * FED_S)


@contextmanager
def _warm(bootstrap: str, engine: Engine, load: Sequence[Sent]) -> Iterator[Subscriber]:
    """Start an engine and a subscriber, and see both at work."""
    fresh_topics(bootstrap)
    subscriber = Subscriber(bootstrap)
    with engine.running(bootstrap):
        feed(bootstrap, load, WARM_EVENTS, subscriber.began)
        until(lambda: len(subscriber.ages_ms) > 0, timeout_s=60)
        _settle(subscriber)
        yield subscriber
    subscriber.stop()


def _fed(bootstrap: str, load: Sequence[Sent], per_s: float, subscriber: Subscriber) -> Latency:
    """Feed for `FED_S` at a steady rate; `live_per_s` of the value says it twice, as everywhere."""
    subscriber.ages_ms.clear()
    feed(bootstrap, load[: int(per_s * FED_S)], per_s, subscriber.began)
    _settle(subscriber)
    cuts = quantiles(subscriber.ages_ms, n=100)
    return Latency(cuts[49], cuts[98], len(subscriber.ages_ms), 2 * per_s)


def _settle(subscriber: Subscriber) -> None:
    """Wait until decisions have stopped coming."""
    time.sleep(TAIL_S)
    until(lambda: time.monotonic() - subscriber.last_at > TAIL_S, timeout_s=120)
