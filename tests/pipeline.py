"""A pipeline under test: its topics made anew, records in and out, workers as processes that may be killed."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from schemas.codec import Codec
from schemas.records import Audit, Record
from schemas.registry import FileRegistry
from schemas.topics import AUDIT, EVENTS, QUESTIONS, TOPICS, TOUCHPOINTS, TRAINING_EXAMPLES, Emit, Topic
from streams.engine.offsets import Kafka, Place, committed, ends

PARTITIONS = int(os.environ.get("LEADSTREAM_TEST_PARTITIONS", "4"))
CODEC = Codec(FileRegistry())
GROUPS = ["leadstream", "leadstream-view", "leadstream-relay-sick", "leadstream-relay-well"]
QUIET: dict[str, str | int | float | bool] = {"enable.metrics.push": False, "log_level": 3}
ROOT = Path(__file__).parents[1]
OWNED = re.compile(r"own partitions .*?records=(\d+) partitions=(\d+) took_s=([\d.e-]+)")


class Landed(NamedTuple):
    """A record as it lies in a topic: `value` None is a tombstone; `at` its timestamp (s). Keys may be any bytes."""

    partition: int
    offset: int
    key: str
    value: bytes | None
    topic: Topic
    at: float = 0.0

    @property
    def minute(self) -> int:
        """The minute of its timestamp, as the audit counts."""
        return int(self.at // 60)

    @property
    def record(self) -> Record:
        """The value, decoded."""
        return CODEC.decode(self.value, self.topic.records)


def fresh_topics(bootstrap: str, replication: int = 1) -> None:
    """Make all topics anew, empty, and forget the offsets of whoever reads them."""
    admin = AdminClient({"bootstrap.servers": bootstrap, **QUIET})
    there = set(admin.list_topics(timeout=10).topics)
    if old := [topic.name for topic in TOPICS if topic.name in there]:
        _settle(admin.delete_consumer_groups(GROUPS).values())
        _settle(admin.delete_topics(old).values())
    wanted = [
        NewTopic(topic.name, topic.partitions or PARTITIONS, replication, config=topic.config()) for topic in TOPICS
    ]
    deadline = time.monotonic() + 20
    while wanted and time.monotonic() < deadline:
        made = admin.create_topics(wanted)
        wanted = [topic for topic in wanted if not _settle([made[topic.topic]])]
        time.sleep(0.1 if wanted else 0)
    assert not wanted, f"topics could not be made: {wanted}"
    until(lambda: _led(bootstrap), timeout_s=20)


def _led(bootstrap: str) -> bool:
    """Tell whether every partition answers: a broker says that a topic is made a little before it serves it."""
    spots = [(topic.name, partition) for topic in TOPICS for partition in range(topic.partitions or PARTITIONS)]
    try:
        ends({"bootstrap.servers": bootstrap, **QUIET}, spots, stable=False)
    except (KafkaException, TimeoutError):
        return False
    return True


def produce(bootstrap: str, emits: Iterable[Emit]) -> int:
    """Write records as a producer with the default partitioner does; return how many."""
    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "linger.ms": 5, **QUIET})
    count = 0
    for emit in emits:
        producer.produce(emit.topic.name, key=emit.key.encode(), value=CODEC.encode(emit.record))
        producer.poll(0)
        count += 1
    assert producer.flush(30) == 0
    return count


def landed(
    bootstrap: str, topic: Topic, *, committed: bool = True, since: Mapping[Place, int] | None = None
) -> list[Landed]:
    """Return all that a consumer sees of a topic, partition by partition in offset order, or only what lies at `since`.

    Not `committed`: also what aborted transactions have left.
    """
    since = since or {}
    spots = [(topic.name, partition) for partition in range(topic.partitions or PARTITIONS)]
    found_ends = ends({"bootstrap.servers": bootstrap, **QUIET}, spots, stable=False, patience_s=60.0)
    open_ends = {place[1]: end for place, end in found_ends.items() if end > since.get(place, 0)}
    if not open_ends:
        return []
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "tests",
            "isolation.level": "read_committed" if committed else "read_uncommitted",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 20,  # what a broker waits with its answer that there is no more
            **QUIET,
        }
    )
    found = []
    try:
        consumer.assign([TopicPartition(*it, since.get(it, 0)) for it in spots if it[1] in open_ends])
        deadline = time.monotonic() + 60
        while open_ends and time.monotonic() < deadline:
            first = consumer.poll(0.2)  # `consume` with a time waits for all of them
            for message in (first, *consumer.consume(10_000, 0)) if first else ():
                partition, offset = int(message.partition() or 0), int(message.offset() or 0)
                if message.error() is None:
                    key, at = (message.key() or b"").decode(errors="surrogateescape"), message.timestamp()[1] / 1000
                    found.append(Landed(partition, offset, key, message.value(), topic, at))
                elif offset >= open_ends.get(partition, 0):
                    open_ends.pop(partition, None)
    finally:
        consumer.close()
    assert not open_ends, f"{topic.name} was not read to its end: {open_ends}"
    return sorted(found, key=lambda one: (one.partition, one.offset))


class Owned(NamedTuple):
    """Partitions that a worker came to own, how many records it read to restore them, in how many seconds."""

    partitions: int
    records: int
    took_s: float


class Worker:
    """A worker of `tests/worker.py`, as a process of its own."""

    def __init__(
        self,
        bootstrap: str,
        name: str,
        log: Path,
        broken_share: int = 0,
        state_dir: str = "",
        *,
        static: bool = False,
        standby: bool = False,
    ) -> None:
        self._command = [sys.executable, "-m", "tests.worker", bootstrap, name, str(broken_share), state_dir]
        told = {"WORKER_STATIC": "1" if static else "", "WORKER_STANDBY": "1" if standby else ""}
        self._environ = {**os.environ, **told}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, cwd=ROOT, env=self._environ, stdout=log, stderr=log)

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it lives."""
        return self._process is not None and self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def wait(self, timeout_s: float = 60.0) -> int:
        """Return its exit code."""
        assert self._process is not None
        return self._process.wait(timeout_s)

    def kill(self) -> None:
        """End it as a power cut would, unless it has ended."""
        if self._process is not None and self.running:
            self._process.kill()
            self._process.wait()

    @property
    def said(self) -> str:
        """Its log so far."""
        return self._log.read_text() if self._log.exists() else ""

    @property
    def owned(self) -> list[Owned]:
        """What it came to own, each time that it was assigned partitions and had restored them."""
        return [Owned(int(parts), int(read), float(took)) for read, parts, took in OWNED.findall(self.said)]


def until(check: Callable[[], bool], timeout_s: float = 60.0, every_s: float = 0.2) -> None:
    """Return once `check` holds. Fails after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not check():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(every_s)


def _settle(futures: Iterable[object]) -> bool:
    """Wait for admin futures; tell whether all went well."""
    well = True
    for future in futures:
        try:
            future.result(30)  # type: ignore[attr-defined]
        except (KafkaException, TimeoutError):
            well = False
    return well


def handled(bootstrap: str) -> int:
    """Return how many raw events have met their fate, by the audit."""
    found = [one.record for one in landed(bootstrap, AUDIT)]
    return sum(
        tally.count
        for audit in found
        if isinstance(audit, Audit) and audit.agent == "resolve"
        for tally in audit.tallies
        if tally.fate != "rekeyed"
    )


def caught_up(bootstrap: str) -> bool:
    """Tell whether the workers have committed all that lies in their inputs; what resolve still owes is asked first."""
    kafka: Kafka = {"bootstrap.servers": bootstrap, **QUIET}
    for topics in (tuple(EVENTS.values()), (TOUCHPOINTS,), (QUESTIONS,), (TRAINING_EXAMPLES,)):
        spots = [(it.name, partition) for it in topics for partition in range(it.partitions or PARTITIONS)]
        done = committed(kafka, "leadstream", spots)
        if any(landed(bootstrap, topic, since=done) for topic in topics):
            return False
    return True
