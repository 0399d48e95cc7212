"""The audit: counts what lies in the workers' inputs, and holds it against what their transactions say became of it."""

import logging
from collections.abc import Iterable, Mapping

from confluent_kafka import Consumer, Message, TopicPartition

from connectors import metrics
from connectors.books import Books, Closed, Spot
from schemas.codec import Codec
from schemas.records import Audit
from schemas.rejected import Rejected
from schemas.topics import AUDIT, Topic

__all__ = ["STAGES", "Auditor", "show"]

log = logging.getLogger(__name__)
ASK_S = 10.0
MOST = 5_000  # records taken at once
STAGES = {"touchpoints": "qualify", "training.examples": "learn"}  # by input topic; the others are resolve's


class Auditor:
    """Follows a group's inputs and the audit from where the group stands when it is made. Raises `KafkaException`.

    It never joins the group, and keeps nothing: a new one begins with what the group has not committed.
    """

    def __init__(
        self,
        client: Mapping[str, str | int | float | bool],
        group: str,
        inputs: Iterable[Topic],
        codec: Codec,
        grace_s: float,
    ) -> None:
        self._codec, self._books = codec, Books(grace_s)
        self._consumer = Consumer(
            {
                **client,
                "group.id": group,
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "queued.max.messages.kbytes": 4096,
                "fetch.queue.backoff.ms": 50,  # not a second: the reader would stand still for it again and again
            }
        )
        topics = self._consumer.list_topics(timeout=ASK_S).topics
        audit = [TopicPartition(AUDIT.name, number) for number in topics[AUDIT.name].partitions]
        for spot in audit:  # where it ends must be known before we ask what is committed
            spot.offset = self._consumer.get_watermark_offsets(spot, timeout=ASK_S)[1]
        self._inputs = [TopicPartition(it.name, number) for it in inputs for number in topics[it.name].partitions]
        self._begun = {
            spot: max(offset, self._consumer.get_watermark_offsets(TopicPartition(*spot), timeout=ASK_S)[0])
            for spot, offset in self._committed().items()
        }
        self._read = dict(self._begun)
        begun = [TopicPartition(topic, partition, offset) for (topic, partition), offset in self._begun.items()]
        self._consumer.assign(audit + begun)

    def look(self, now: float) -> list[Closed]:
        """Read what has come, and return the windows that are closed by `now`. Raises `KafkaException`."""
        committed = self._committed()
        while messages := self._consumer.consume(MOST, 0.2):
            for message in messages:
                if message.error() is None:
                    self._take(message, now)
        return self._books.close(committed, self._read, now)

    @property
    def open(self) -> int:
        """How many windows are open."""
        return self._books.open

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()

    def _take(self, message: Message, now: float) -> None:
        topic, partition, offset = str(message.topic()), int(message.partition() or 0), int(message.offset() or 0)
        if topic != AUDIT.name:
            self._books.enter(topic, partition, offset, message.timestamp()[1] // 60_000, now)
            self._read[topic, partition] = offset + 1
            return
        try:
            audit = self._codec.decode(message.value(), (Audit,))
        except Rejected as rejected:
            log.warning("an audit record cannot be read", extra={"error": rejected})
            return
        if isinstance(audit, Audit) and audit.first_offset >= self._begun.get((audit.topic, audit.partition), 0):
            self._books.tell(audit, now)

    def _committed(self) -> dict[Spot, int]:
        found = self._consumer.committed(self._inputs, timeout=ASK_S)
        return {(spot.topic, spot.partition): max(spot.offset, 0) for spot in found}


def show(closed: Iterable[Closed]) -> None:
    """Put closed windows on /metrics, and say where one does not close with nothing left."""
    for window in closed:
        stage = STAGES.get(window.topic, "resolve")
        metrics.AUDIT_RECORDS.labels(stage).inc(window.records)
        for outcome, count in window.outcomes.items():
            metrics.AUDIT_OUTCOMES.labels(stage, outcome).inc(count)
        metrics.AUDIT_UNACCOUNTED.labels(stage).inc(max(window.missing, 0))
        metrics.AUDIT_DOUBLED.labels(stage).inc(max(-window.missing, 0))
        if window.missing:
            of = {"topic": window.topic, "minute": window.minute, "missing": window.missing}
            log.error("records are unaccounted for", extra=of)
