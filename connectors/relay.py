"""The relay: takes decisions off `leads.routed`, delivers each to the sink, in order for each lead, and commits last.

A lead that the sink refuses is buried; one that it cannot take now is tried again for as long as it takes, and its
later decisions wait: nothing is lost, none overtakes an earlier one. Other leads go on, until `WINDOW` records wait.
"""

import asyncio
import logging
import random
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import cast

from confluent_kafka import KafkaError, Message, Producer

from connectors import deadletters, kafka, metrics
from connectors.ledger import Ledger
from connectors.reader import Reader, Spot, place
from connectors.settings import RelaySettings, SettingsError
from connectors.sinks import SINKS
from connectors.sinks.delivery import Delivered, Delivery, Refusal, Refused, Retry, Sink
from schemas.codec import Codec
from schemas.person import Fields, unseal
from schemas.records import RoutedLead
from schemas.registry import open_registry
from schemas.rejected import Reason, Rejected
from schemas.topics import DEAD_LETTERS, LEADS_ROUTED

__all__ = ["GROUP", "Relay", "build", "pause_s", "run", "sink_of"]

log = logging.getLogger(__name__)
GROUP = "leadstream-relay"
SCHEDULE_S = (1.0, 5.0, 30.0, 120.0, 300.0)  # the last one is repeated
BATCH, READ_S = 256, 0.5
WINDOW = 1_024  # records of a partition that may be open at once: a lead in trouble holds up no more
ABREAST = 32  # deliveries at once


def pause_s(attempt: int, asked_s: float | None, luck: float, schedule: Sequence[float] = SCHEDULE_S) -> float:
    """Return how long to wait after failed attempt 0, 1, 2...: as was asked, else as scheduled.

    `luck`, 0 to 1, adds up to a fifth, so that leads which failed together do not come back together.

    >>> pause_s(0, None, 0.0), pause_s(99, None, 0.0), pause_s(0, 60.0, 0.5)
    (1.0, 300.0, 66.0)
    """
    due = schedule[min(attempt, len(schedule) - 1)] if asked_s is None else asked_s
    return due * (1 + luck / 5)


class Relay:
    """One member of the relay's group, with one sink."""

    def __init__(
        self,
        reader: Reader,
        sink: Sink,
        name: str,
        codec: Codec,
        producer: Producer,
        *,
        schedule: Sequence[float] = SCHEDULE_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._reader, self._sink, self._name, self._codec, self._producer = reader, sink, name, codec, producer
        self._schedule, self._clock = schedule, clock
        self._stop = asyncio.Event()
        self._gate = asyncio.Semaphore(ABREAST)
        self._open = Ledger()
        self._last: dict[tuple[Spot, bytes], asyncio.Task[None]] = {}  # of each lead: the next decision waits for it

    async def run(self) -> None:
        """Deliver until `stop`; what is on its way then is finished, what waits is left to the next relay."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as thread:  # the consumer is for one thread
            call = partial(loop.run_in_executor, thread)
            try:
                async with asyncio.TaskGroup() as tasks:
                    while not self._stop.is_set():
                        messages = await call(self._reader.read, BATCH, READ_S, self._open.full(WINDOW))
                        self._let_go(self._reader.lost())
                        for message in messages:
                            self._begin(message, tasks)
                        await call(self._reader.commit, self._open.settled())
                await call(self._reader.commit, self._open.settled())
            finally:
                await self._sink.close()
                await call(self._reader.close)

    def stop(self) -> None:
        """End `run` soon; to be called on its loop."""
        self._stop.set()

    def _begin(self, message: Message, tasks: asyncio.TaskGroup) -> None:
        """Start on a record, side by side with other leads', behind the same lead's."""
        spot, offset = place(message)
        lead = spot, message.key() or b""
        self._open.begin(spot, offset)
        task = tasks.create_task(self._turn(message, self._last.get(lead)))
        self._last[lead] = task
        task.add_done_callback(lambda done: self._last.pop(lead) if self._last.get(lead) is done else None)

    def _let_go(self, lost: set[Spot]) -> None:
        """Leave alone what lies on partitions that were taken from us: whoever has them now delivers it."""
        for lead in [lead for lead in self._last if lead[0] in lost]:
            self._last.pop(lead).cancel()
        for spot in lost:
            self._open.forget(spot)

    async def _turn(self, message: Message, before: "asyncio.Task[None] | None") -> None:
        if before is not None:
            await before  # cancelled with it, too: the chain of a lead ends as a whole
        if not self._stop.is_set() and await self._settle(message):
            self._open.settle(*place(message))

    async def _settle(self, message: Message) -> bool:
        """Deliver one decision or bury it; False when we are to stop first."""
        try:
            routed = cast("RoutedLead", self._codec.decode(message.value(), (RoutedLead,)))
            person = unseal(routed.person, routed.person_key)
        except Rejected as rejected:
            return await self._bury(message, rejected.reason, rejected.detail)
        attempt = 0
        while not self._stop.is_set():
            async with self._gate:
                outcome = await self._attempt(routed, person)
            match outcome:
                case Delivered():
                    metrics.DELIVERY_AGE_SECONDS.labels(self._name).observe(self._clock() - routed.received_at)
                    return True
                case Refused(reason, detail):
                    buried_as = Reason.CRASH if reason is Refusal.CRASHED else Reason.REFUSED
                    return await self._bury(message, buried_as, f"{self._name}: {reason}: {detail}")
                case Retry(after_s, why):
                    wait_s = pause_s(attempt, after_s, random.random(), self._schedule)
                    log.warning("%s did not take %s (%s); again in %.1f s", self._name, routed.decision_id, why, wait_s)
                    await self._rest(wait_s)
                    attempt += 1
        return False

    async def _attempt(self, routed: RoutedLead, person: Fields) -> Delivery:
        outcome: Delivery
        with metrics.DELIVERY_SECONDS.labels(self._name).time():
            try:
                outcome = await self._sink.deliver(routed, person)
            except Exception as error:  # noqa: BLE001 - a bug in a sink costs one lead a detour, never the relay
                outcome = Refused(Refusal.CRASHED, type(error).__name__)
        metrics.DELIVERIES.labels(self._name, type(outcome).__name__.lower()).inc()
        return outcome

    async def _bury(self, message: Message, reason: Reason, detail: str) -> bool:
        """Write a dead letter and return when the broker has it, since only then may the record be committed.

        False when we are to stop first.
        """
        letter = deadletters.letter(message, "relay", reason, detail, self._clock())
        value = self._codec.encode(letter)
        while not await asyncio.to_thread(_sent, self._producer, letter.id, value):
            if self._stop.is_set():
                return False
            await self._rest(1.0)
        log.warning("buried %s: %s", letter.id, reason)
        metrics.DEAD_LETTERS.labels("relay", str(reason)).inc()
        return True

    async def _rest(self, wait_s: float) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), wait_s)
        except TimeoutError:
            return


def sink_of(settings: RelaySettings) -> Sink:
    """Return the sink of the settings. Raises `SettingsError`."""
    if settings.sink not in SINKS:
        raise SettingsError(f"LEADSTREAM_SINK={settings.sink} is not known; set it to one of {', '.join(SINKS)}")
    return SINKS[settings.sink](settings)


def build(
    settings: RelaySettings,
    sink: Sink | None = None,
    group: str = GROUP,
    schedule: Sequence[float] = SCHEDULE_S,
) -> Relay:
    """Return a relay, joined to its group, with the settings' sink unless one is given. Raises `SettingsError`."""
    sink = sink or sink_of(settings)
    reader = Reader(kafka.consumer(settings, group), [LEADS_ROUTED.name])
    codec = Codec(open_registry(settings.schema_registry_url or None))
    producer = kafka.producer(settings, timeout_s=30.0)
    return Relay(reader, sink, settings.sink, codec, producer, schedule=schedule)


def run(settings: RelaySettings) -> None:
    """Run the relay until SIGTERM or SIGINT."""

    async def main() -> None:
        relay = build(settings)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, relay.stop)
        metrics.serve(settings.metrics_host, settings.metrics_port)
        log.info("relay delivers to the %s sink", settings.sink)
        await relay.run()

    asyncio.run(main())


def _sent(producer: Producer, key: str, value: bytes) -> bool:
    """Send a dead letter and wait for the acknowledgement; False when the broker does not take it."""
    outcome: list[KafkaError | None] = []
    producer.produce(DEAD_LETTERS.name, value, key, on_delivery=lambda error, _: outcome.append(error))
    producer.flush()
    return outcome == [None]
