"""Whether the broker takes our writes: asked of real deliveries while there are some, of a probe while there are none.

The probe is a record to each partition of a topic of its own, with the same producer, acknowledgements and partition
count as real events. Not to `events.*`: a probe there would reach every consumer, and one hidden in an aborted
transaction would still leave offsets behind which look like lag that never goes. Not the metadata either: a broker that
has lost its replicas answers that happily and refuses every write.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from confluent_kafka import KafkaException

from connectors import metrics
from connectors.kafka import BrokerUnreachable, check
from connectors.outbox import Letter, NotTaken, Outbox, Unanswered
from connectors.settings import CollectorSettings
from schemas.topics import EVENTS, PROBES

log = logging.getLogger(__name__)
EVERY_S = 1.0
PATIENCE_S = 2.0
ADVICE = "look at it, and at KAFKA_BOOTSTRAP_SERVERS"
TRIES = 5  # probes in vain, one after another, until another producer takes over


class Health:
    """Keeps `trouble` up to date: "" while the broker takes writes, else what stands in the way."""

    def __init__(self, outbox: Outbox, settings: CollectorSettings) -> None:
        self._outbox, self._settings = outbox, settings
        self._probes = [Letter(PROBES.name, b"", b"", partition) for partition in range(settings.partitions)]
        self._prepared = False
        self._vain: list[float] = []  # when probes began that nothing came of, since the last that was taken
        self.trouble = "not asked yet"

    async def watch(self) -> None:
        """Look every second, until cancelled."""
        try:
            while True:
                try:
                    self.trouble = await self._look()
                except Exception as error:  # a fault of ours must not end the watch: nobody would look any more
                    log.exception("looking after the broker failed")
                    self.trouble = f"whether the broker takes writes is not known ({type(error).__name__}, see the log)"
                metrics.BROKER_WRITABLE.set(not self.trouble)
                metrics.PRODUCER_QUEUE.set(self._outbox.queued())
                await asyncio.sleep(EVERY_S)
                self._outbox.poll()
        finally:
            self.trouble = "nobody looks after the broker: this process is about to end"

    async def _look(self) -> str:
        now = asyncio.get_running_loop().time()
        if self._outbox.taken_at > now - EVERY_S >= self._outbox.failed_at and not self.trouble:
            return ""  # real events went through all the while: no probe says more
        vain, self._vain = self._vain, []  # all but one more silence begins anew
        try:
            if not self._prepared and (problems := await asyncio.to_thread(self._prepare)):
                return "; ".join(problems)
            self._prepared = True
            await asyncio.wait_for(self._outbox.deliver(self._probes), PATIENCE_S)
        except (Unanswered, TimeoutError) as silence:
            self._prepared = False
            why = f"({silence})" if str(silence) else f"within {PATIENCE_S:g} s"
            return await self._renewed([*vain, now]) or f"the broker takes no writes {why}; {ADVICE}"
        except NotTaken as error:
            self._prepared = False  # somebody may have deleted a topic
            return f"the broker takes no writes ({error}); {ADVICE}"
        except (BrokerUnreachable, KafkaException) as error:
            return str(error)
        return ""

    async def _renewed(self, vain: list[float]) -> str:
        """Take another producer after some probes in vain; return what stands in its way.

        Topics are looked at between probes, with a client of its own: ours is not given up while no broker is there.
        """
        if len(vain) < TRIES:
            self._vain = vain
            return ""
        try:
            await self._outbox.renew(vain[0])
        except KafkaException as error:
            return str(error)
        return ""

    def _prepare(self) -> list[str]:
        """Return what is wrong with the topics that we write to."""
        return check(self._settings, (PROBES, *EVENTS.values()))


@contextlib.asynccontextmanager
async def watched(health: Health) -> AsyncIterator[None]:
    """Run the watch for as long as the block lasts."""
    task = asyncio.create_task(health.watch())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
