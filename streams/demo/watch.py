"""Reads what the pipeline writes, committed records only, in a thread of its own: so a record's time is its arrival."""

import threading
import time
from queue import Empty, SimpleQueue

from confluent_kafka import Consumer, Message, TopicPartition

from connectors.kafka import client
from connectors.settings import Connection
from schemas.codec import Codec
from schemas.records import Record
from schemas.registry import open_registry
from schemas.rejected import Rejected
from schemas.topics import AUDIT, DEAD_LETTERS, LEADS_PROFILES, LEADS_ROUTED, MODELS, TRAINING_EXAMPLES, Topic
from streams.demo.board import Board

WATCHED = {
    topic.name: topic for topic in (LEADS_ROUTED, AUDIT, DEAD_LETTERS, MODELS, TRAINING_EXAMPLES, LEADS_PROFILES)
}
PATIENCE_S = 10.0


class Watch:
    """Follows the topics from where they end when it is made. `unread` counts records that could not be decoded."""

    def __init__(self, settings: Connection) -> None:
        self._codec = Codec(open_registry(settings.schema_registry_url))
        self._consumer = Consumer(
            {
                **client(settings),
                "group.id": "leadstream-demo-watch",  # asked for, never joined: we assign by hand and commit nothing
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 50,
            }
        )
        self._consumer.assign(self._ends())
        self._seen: SimpleQueue[tuple[Record, float]] = SimpleQueue()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="watch", daemon=True)
        self.unread = 0

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def show(self, board: Board) -> int:
        """Put on the board what has come since the last time; return how many records that were."""
        count = 0
        while True:
            try:
                record, at = self._seen.get_nowait()
            except Empty:
                return count
            board.see(record, at)
            count += 1

    def stop(self) -> None:
        """Stop reading."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()
        self._consumer.close()

    def _ends(self) -> list[TopicPartition]:
        found = []
        listed = self._consumer.list_topics(timeout=PATIENCE_S).topics
        for name in WATCHED:
            for partition in listed[name].partitions:
                spot = TopicPartition(name, partition)
                spot.offset = self._consumer.get_watermark_offsets(spot, timeout=PATIENCE_S)[1]
                found.append(spot)
        return found

    def _follow(self) -> None:
        while not self._ending.is_set():
            first = self._consumer.poll(0.1)
            if first is None:
                continue
            more = self._consumer.consume(500, 0)  # what has come with it, without waiting for more
            at = time.time()
            for message in (first, *more):
                self._take(message, at)

    def _take(self, message: Message, at: float) -> None:
        if message.error() is not None or message.value() is None:
            return  # a passing trouble of the client's, or a tombstone
        topic: Topic = WATCHED[str(message.topic())]
        try:
            self._seen.put((self._codec.decode(message.value(), topic.records), at))
        except Rejected:
            self.unread += 1
