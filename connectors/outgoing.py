"""What a lane writes: dead letters, and records that wait on its retry topic. Done when the broker has them.

A producer that gets no answer is replaced: it may have lost its brokers for good (librdkafka#5301).
"""

import asyncio
import logging
import time
from collections.abc import Callable

from confluent_kafka import KafkaError, Message, Producer

from connectors import metrics
from connectors.reader import Spot
from connectors.tracing import TRACEPARENT
from schemas import letters
from schemas.codec import Codec
from schemas.rejected import Reason
from schemas.topics import DEAD_LETTERS

__all__ = ["Outgoing", "waited"]

log = logging.getLogger(__name__)
ATTEMPT, DUE = "attempt", "due"
AGAIN_S = 1.0


class Outgoing:
    """Writes until the broker takes it, or until `stop`. `topic` is the retry topic."""

    def __init__(
        self, make: Callable[[], Producer], codec: Codec, topic: str, clock: Callable[[], float] = time.time
    ) -> None:
        self.topic = topic
        self._make, self._producer, self._codec, self._clock = make, make(), codec, clock
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Give up what the broker does not take."""
        self._stop.set()

    async def bury(self, place: tuple[Spot, int], key: bytes, value: bytes, reason: Reason, detail: str) -> bool:
        """Write a dead letter; False when it was given up: then the record may not be committed."""
        letter = letters.letter(
            (*place[0], place[1]), key, value, stage="relay", reason=reason, detail=detail, failed_at=self._clock()
        )
        if await self._write(DEAD_LETTERS.name, letter.id.encode(), self._codec.encode(letter)) is None:
            return False
        log.warning("a decision was buried", extra={"letter": letter.id, "reason": str(reason), "why": detail})
        metrics.DEAD_LETTERS.labels("relay", str(reason)).inc()
        return True

    async def park(
        self, partition: int, key: bytes, value: bytes, attempt: int, due_at: float, *, trace: str = ""
    ) -> int | None:
        """Write a record to the retry topic; returns its offset there, None when it was given up."""
        headers = {ATTEMPT: str(attempt).encode(), DUE: repr(due_at).encode()}
        if trace:
            headers[TRACEPARENT] = trace.encode()
        return await self._write(self.topic, key, value, partition, headers)

    async def _write(
        self, topic: str, key: bytes, value: bytes, partition: int = -1, headers: dict[str, bytes] | None = None
    ) -> int | None:
        while (offset := await asyncio.to_thread(self._sent, topic, key, value, partition, headers or {})) is None:
            if self._stop.is_set():
                return None
            try:
                await asyncio.wait_for(self._stop.wait(), AGAIN_S)
            except TimeoutError:
                continue
        return offset

    def _sent(self, topic: str, key: bytes, value: bytes, partition: int, headers: dict[str, bytes]) -> int | None:
        """Send a record and wait for the acknowledgement; None when the broker does not take it."""
        outcome: list[tuple[KafkaError | None, int | None]] = []
        producer = self._producer
        producer.produce(
            topic,
            value,
            key,
            partition,
            headers=dict(headers),
            on_delivery=lambda error, message: outcome.append((error, message.offset())),
        )
        producer.flush()
        error, offset = outcome[0]
        if error is None:
            return offset
        lost = error.code() == KafkaError._MSG_TIMED_OUT  # noqa: SLF001 - its public name
        if lost and self._producer is producer:
            log.warning("a producer got no answer: another takes its place")
            self._producer = self._make()
        return None


def waited(message: Message) -> tuple[int, float]:
    """Return how often a record was tried before it came to lie where it was read, and when it is due again."""
    headers = dict(message.headers() or ())
    try:
        return int(headers.get(ATTEMPT) or 0), float(headers.get(DUE) or 0.0)
    except ValueError:
        return 0, 0.0
