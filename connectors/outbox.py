"""From an HTTP request to the broker's acknowledgement: nothing is thanked for before it is kept.

A producer may lose its brokers for good when all of them stood still and wake together (librdkafka#5301), or be beyond
repair (`_FATAL`). Whoever sees that nothing is taken any more asks for another one with `renew`.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

log = logging.getLogger(__name__)
TICK_S = 0.001
SILENCE = {"deadline", "_MSG_TIMED_OUT", "_FATAL"}


class Letter(NamedTuple):
    """One message on its way to a topic."""

    topic: str
    key: bytes
    value: bytes
    partition: int = -1
    headers: tuple[tuple[str, bytes], ...] = ()


class NotTaken(Exception):
    """The broker has not acknowledged everything: nobody may be told that it is kept. The text says why."""


class Unanswered(NotTaken):
    """The broker did not say in time whether it has everything; or this producer hears it no more."""


class _Receipt:
    """Counts the acknowledgements of one request: one future for all its messages."""

    __slots__ = ("due", "future", "heard", "left", "trouble")

    def __init__(self, left: int, future: "asyncio.Future[None]", due: float, heard: Callable[[], None]) -> None:
        self.left, self.future, self.due, self.heard, self.trouble = left, future, due, heard, ""

    def __call__(self, error: KafkaError | None, _: Message) -> None:
        self.left -= 1
        if error is None:
            self.heard()  # late or not
        else:
            self.trouble = str(error.name())
        if not self.left:
            self.settle()

    def settle(self, trouble: str = "") -> None:
        if not self.future.done():
            self.trouble = trouble or self.trouble
            self.future.set_result(None)


class Outbox:
    """Hands messages to librdkafka and waits for all of them, no longer than the deadline.

    librdkafka tells of deliveries when it is polled. The event loop polls every millisecond while somebody waits, and
    never otherwise: cheaper under load than a thread that takes the interpreter's lock for each message.
    """

    def __init__(self, make: Callable[[], Producer], deadline_s: float) -> None:
        self._make, self._producer, self._deadline_s = make, make(), deadline_s
        self._waiting: deque[_Receipt] = deque()
        self._ticking = False
        self.taken_at = self.failed_at = self._made_at = float("-inf")

    async def deliver(self, letters: list[Letter]) -> None:
        """Return when the broker has acknowledged every letter. Raises `NotTaken`, `Unanswered` when it was silent."""
        loop = asyncio.get_running_loop()
        receipt = _Receipt(len(letters), loop.create_future(), loop.time() + self._deadline_s, self._heard)
        try:
            for topic, key, value, partition, headers in letters:
                if headers:
                    self._producer.produce(topic, value, key, partition, receipt, headers=list(headers))
                else:
                    self._producer.produce(topic, value, key, partition, receipt)
        except BufferError:
            self._failed(loop.time(), "queue_full")
        except KafkaException as error:
            self._failed(loop.time(), str(error.args[0].name()))
        self._waiting.append(receipt)
        if not self._ticking:
            self._ticking = True
            loop.call_soon(self._tick, loop)
        await receipt.future
        if receipt.trouble:
            self._failed(loop.time(), receipt.trouble)

    async def renew(self, since: float) -> None:
        """Go on with another producer, if all that was tried since then was in vain; who waits is told it is not taken.

        Raises `KafkaException` when none can be made.
        """
        if max(self.taken_at, self._made_at) > since:
            return
        self._made_at = asyncio.get_running_loop().time()
        new = await asyncio.to_thread(self._make)
        log.warning("a producer got no answer: another takes its place")
        left, self._producer = [self._producer], new
        left[0].purge()
        left[0].poll(0)
        while self._waiting:  # for what its threads still hold, nobody would be told
            self._waiting.popleft().settle("replaced")
        await asyncio.to_thread(left.clear)  # its threads end there: they may take a while

    def poll(self) -> None:
        """Let librdkafka speak when nobody waits: late deliveries, errors of the connection."""
        self._producer.poll(0)

    def queued(self) -> int:
        """Return how many messages wait in librdkafka."""
        return len(self._producer)

    async def close(self) -> None:
        """Send what waits, no longer than the deadline."""
        await asyncio.to_thread(self._producer.flush, self._deadline_s)

    def _heard(self) -> None:
        self.taken_at = asyncio.get_running_loop().time()

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._producer.poll(0)
        waiting, now = self._waiting, loop.time()
        while waiting and (waiting[0].future.done() or waiting[0].due <= now):
            waiting.popleft().settle("deadline")
        if waiting:
            loop.call_later(TICK_S, self._tick, loop)
        else:
            self._ticking = False

    def _failed(self, now: float, trouble: str) -> None:
        self.failed_at = now
        raise (Unanswered if trouble in SILENCE else NotTaken)(trouble) from None
