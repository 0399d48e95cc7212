"""The fetcher: takes notices off `notices`, fetches what they tell of, and writes it where the collector writes events.

A sender is answered before anything is fetched. A platform that is away or limits us is asked again for as long as it
takes; other notices go on. What is fetched twice is one event: its id is that of its notice.
"""

import asyncio
import logging
import random
import signal
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import cast

from confluent_kafka import Message

from connectors import deadletters, kafka, metrics
from connectors.egress.guard import Guard
from connectors.egress.http import READ_BYTES, Http, Retry
from connectors.fetchers import FETCHERS, Fetcher, Found, Gone
from connectors.lane import pause_s
from connectors.ledger import Ledger
from connectors.outbox import Letter, NotTaken, Outbox, Unanswered
from connectors.reader import Reader, place
from connectors.settings import FetcherSettings
from connectors.sources import SOURCES
from connectors.wrapping import wrapped
from schemas.codec import Codec
from schemas.person import unseal
from schemas.records import RawEvent
from schemas.registry import open_registry
from schemas.rejected import Reason, Rejected
from schemas.topics import DEAD_LETTERS, EVENTS, NOTICES

__all__ = ["GROUP", "Fetching", "build", "reading", "run"]

log = logging.getLogger(__name__)
GROUP = "leadstream-fetcher"
BATCH, READ_S, WINDOW, ABREAST = 64, 0.5, 1_024, 8
SCHEDULE_S = (2.0, 10.0, 60.0, 300.0, 900.0)


class Fetching:
    """One member of the fetchers' group."""

    def __init__(
        self,
        reader: Reader,
        fetchers: Mapping[str, Fetcher],
        codec: Codec,
        outbox: Outbox,
        schedule: Sequence[float] = SCHEDULE_S,
    ) -> None:
        self._reader, self._fetchers, self._codec, self._outbox = reader, fetchers, codec, outbox
        self._schedule, self._stop, self._open = schedule, asyncio.Event(), Ledger()
        self._gate = asyncio.Semaphore(ABREAST)

    async def run(self) -> None:
        """Fetch until `stop`; what waits then is left to the next fetcher."""
        with ThreadPoolExecutor(1) as thread:  # the consumer is for one thread
            call = partial(asyncio.get_running_loop().run_in_executor, thread)
            try:
                async with asyncio.TaskGroup() as tasks:
                    while not self._stop.is_set():
                        messages = await call(self._reader.read, BATCH, READ_S, self._open.full(WINDOW))
                        for spot in self._reader.lost():
                            self._open.forget(spot)
                        for message in messages:
                            self._open.begin(*place(message))
                            tasks.create_task(self._turn(message))
                        await call(self._reader.commit, self._open.settled())
                await call(self._reader.commit, self._open.settled())
            finally:
                await self._outbox.close()
                await call(self._reader.close)

    def stop(self) -> None:
        """End `run` soon; to be called on its loop."""
        self._stop.set()

    async def _turn(self, message: Message) -> None:
        if await self._settle(message):
            self._open.settle(*place(message))

    async def _settle(self, message: Message) -> bool:
        """Fetch what one notice tells of, write it or bury the notice; False when we are to stop first."""
        attempt, loop = 0, asyncio.get_running_loop()
        while not self._stop.is_set():
            async with self._gate:
                began = loop.time()
                letters, why, after_s = await self._attempt(message)
                try:
                    if not why:
                        await self._deliver(letters)
                        return True
                except NotTaken as error:
                    why = str(error)
                    if isinstance(error, Unanswered):
                        await self._outbox.renew(began)
            wait_s = pause_s(attempt, after_s, random.random(), self._schedule)
            log.warning("a notice waits", extra={"wait_s": wait_s, "attempt": attempt, "why": why})
            await self._rest(wait_s)
            attempt += 1
        return False

    async def _attempt(self, message: Message) -> tuple[list[Letter], str, float | None]:
        """Return what to write, or why to wait and for how long."""
        try:
            raw = cast("RawEvent", self._codec.decode(message.value(), NOTICES.records))
            outcome = await self._fetched(raw)
        except Rejected as rejected:
            return [self._buried(message, rejected.reason, rejected.detail)], "", None
        except Exception as error:  # noqa: BLE001 - a bug in a fetcher costs one notice a detour, never the others
            return [self._buried(message, Reason.CRASH, type(error).__name__)], "", None
        metrics.FETCHES.labels(raw.source, type(outcome).__name__.lower()).inc()
        match outcome:
            case Retry(after_s, why):
                return [], f"{raw.source}: {why}", after_s
            case Gone(why):
                return [self._buried(message, Reason.REFUSED, f"{raw.source}: {why}")], "", None
            case Found(parts):
                topic = EVENTS[SOURCES[raw.source].channel].name
                events = [wrapped(raw.source, part, raw.received_at) for part in parts]
                return [Letter(topic, it.key.encode(), self._codec.encode(it)) for it in events], "", None

    async def _fetched(self, raw: RawEvent) -> Found | Retry | Gone:
        notice, fetcher = unseal(raw.person, raw.person_key).get("body"), self._fetchers.get(raw.source)
        if fetcher is None or not isinstance(notice, bytes):
            raise Rejected(Reason.UNKNOWN_SOURCE, "nobody fetches for this source")
        return await fetcher.fetch(raw, notice)

    def _buried(self, message: Message, reason: Reason, detail: str) -> Letter:
        metrics.DEAD_LETTERS.labels("fetcher", str(reason)).inc()
        letter = deadletters.letter(message, "fetcher", reason, detail, time.time())
        return Letter(DEAD_LETTERS.name, letter.id.encode(), self._codec.encode(letter))

    async def _deliver(self, letters: list[Letter]) -> None:
        if letters:
            await self._outbox.deliver(letters)

    async def _rest(self, wait_s: float) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), wait_s)
        except TimeoutError:
            return


def build(
    settings: FetcherSettings, http: Http, group: str = GROUP, schedule: Sequence[float] = SCHEDULE_S
) -> Fetching:
    """Return a fetcher, joined to its group."""
    reader = Reader(settings, group, [NOTICES.name])
    codec = Codec(open_registry(settings.schema_registry_url or None), ("RawEvent", "DeadLetter"))
    outbox = Outbox(partial(kafka.producer, settings, kafka.TAKEN_S), kafka.TAKEN_S)
    return Fetching(reader, {name: kind(settings, http) for name, kind in FETCHERS.items()}, codec, outbox, schedule)


def reading(settings: FetcherSettings) -> Http:
    """Return what platforms are asked through; nothing is connected yet."""
    return Http(Guard(settings.egress_allow), settings.fetch_timeout_s, largest=READ_BYTES)


def run(settings: FetcherSettings) -> None:
    """Run the fetcher until SIGTERM or SIGINT."""

    async def main() -> None:
        http = reading(settings)
        fetching = build(settings, http)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, fetching.stop)
        metrics.serve(settings.metrics_host, settings.metrics_port)
        log.info("the fetcher follows", extra={"topic": NOTICES.name})
        try:
            await fetching.run()
        finally:
            await http.close()

    asyncio.run(main())
