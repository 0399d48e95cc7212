"""How far the workers have come, seen from outside twice a second: for recovery times, and progress in a fault."""

import threading
import time
from typing import NamedTuple

from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition

from schemas.topics import EVENTS, TOUCHPOINTS
from streams.engine.offsets import Place
from tests.pipeline import PARTITIONS, QUIET

EVERY_S, ASK_S = 0.5, 2.0
PLACES: tuple[Place, ...] = tuple(
    (topic.name, partition) for topic in (*EVENTS.values(), TOUCHPOINTS) for partition in range(PARTITIONS)
)


class Sight(NamedTuple):
    """At a moment (monotonic seconds): records committed as read, and records there are."""

    at: float
    done: int
    due: int

    @property
    def lag(self) -> int:
        """Records that wait; a transaction's marker at the end of a partition counts as one."""
        return self.due - self.done


class Progress:
    """Keeps looking, in a thread of its own; a broker that does not answer leaves a gap."""

    def __init__(self, bootstrap: str, group: str) -> None:
        self._kafka: dict[str, str | int | float | bool] = {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "isolation.level": "read_uncommitted",  # else nothing is told while a transaction is open
            "topic.metadata.refresh.interval.ms": 1000,
            **QUIET,
            "log_level": 2,
        }
        self._ends: dict[Place, int] = {}
        self.sights: list[Sight] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="progress", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._stopped.set()
        self._thread.join(2 * ASK_S)

    @property
    def lag(self) -> int | None:
        """The last lag seen, None when nothing was seen lately."""
        if not self.sights or self.sights[-1].at < time.monotonic() - 2 * (EVERY_S + ASK_S):
            return None
        return self.sights[-1].lag

    def caught_up_after(self, since: float, lag: int) -> float | None:
        """Return how many seconds after `since` no more than `lag` records waited, None when that was never seen."""
        return next((sight.at - since for sight in self.sights if sight.at >= since and sight.lag <= lag), None)

    def longest_stall(self, lag: int) -> float:
        """Return the longest time in which nothing was committed though more than `lag` records waited (s)."""
        longest, still = 0.0, None
        for before, after in zip(self.sights, self.sights[1:], strict=False):
            if after.done > before.done or before.lag <= lag:
                still = None
            else:
                still = before.at if still is None else still
                longest = max(longest, after.at - still)
        return longest

    def between(self, since: float, until: float) -> float:
        """Return how many records were committed per 10 s between two moments."""
        inside = [sight for sight in self.sights if since <= sight.at <= until]
        if len(inside) < 2:
            return 0.0
        return (inside[-1].done - inside[0].done) / (inside[-1].at - inside[0].at) * 10

    def _watch(self) -> None:
        asking = Consumer(self._kafka)
        while not self._stopped.wait(EVERY_S):
            try:
                self.sights.append(self._look(asking))
            except KafkaException:  # it may go on asking a node that is gone: a new one looks about anew
                asking.close()
                asking = Consumer(self._kafka)
        asking.close()

    def _look(self, asking: Consumer) -> Sight:
        """Look once; an end that nobody tells is taken to be where it was.

        Not by an AdminClient: librdkafka's may abort the process when nodes die under its questions.
        """
        committed = asking.committed([TopicPartition(*place) for place in PLACES], timeout=ASK_S)
        for tp in asking.offsets_for_times([TopicPartition(*place, OFFSET_END) for place in PLACES], timeout=ASK_S):
            if tp.error is None and tp.offset >= 0:
                self._ends[tp.topic, tp.partition] = tp.offset
        done = sum(max(tp.offset, 0) for tp in committed)
        return Sight(time.monotonic(), done, sum(self._ends.values()))
