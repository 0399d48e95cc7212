"""One destination's way out, apart from all others: its own consumer group, breaker and retry topic.

Takes decisions off its topic, delivers each, in order for each lead, and commits last. While the destination is in
trouble everything waits on the topic. A lead that is in trouble by itself and has to wait long moves to the retry topic
(`Parking`), and its later decisions after it: nothing is lost, none overtakes an earlier one, no other lead waits.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import cast

from confluent_kafka import KafkaException, Message

from connectors import metrics
from connectors.backlog import Backlog, Job, Lead
from connectors.breaker import Breaker
from connectors.kafka import BrokerUnreachable
from connectors.ledger import Ledger
from connectors.outgoing import Outgoing, waited
from connectors.parking import Parking
from connectors.reader import Reader, Spot, place
from connectors.sinks.batches import handed_over
from connectors.sinks.delivery import Delivered, Delivery, Parcel, Refusal, Refused, Retry, Sink, Skipped
from connectors.tracing import Tracing, carried
from schemas.codec import Codec
from schemas.keys import is_canary
from schemas.person import unseal
from schemas.records import RoutedLead
from schemas.rejected import Reason, Rejected
from schemas.topics import LEADS_ROUTED

__all__ = ["SCHEDULE_S", "Lane", "due", "pause_s"]

log = logging.getLogger(__name__)
# Standard Webhooks' schedule, for every destination; a destination's own trouble does not count against a lead.
SCHEDULE_S = (5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
BATCH, READ_S = 256, 0.5
WINDOW = 1_024  # records of a partition that may be open at once
WAITING = 50_000  # the same of the retry topic's, where a record waits long
ABREAST = 32  # calls at once
Foresight = Callable[[float, Callable[[], bool]], Mapping[Lead, int]]
NEAR_S = 30.0  # who waits no longer than this waits in memory


def pause_s(attempt: int, asked_s: float | None, luck: float, schedule: Sequence[float] = SCHEDULE_S) -> float:
    """Return how long to wait after failed attempt 0, 1, 2...: as was asked, else as scheduled.

    `luck`, 0 to 1, adds up to a fifth, so that leads which failed together do not come back together.

    >>> pause_s(0, None, 0.0), pause_s(99, None, 0.0), pause_s(0, 60.0, 0.5)
    (5.0, 86400.0, 66.0)
    """
    due = schedule[min(attempt, len(schedule) - 1)] if asked_s is None else asked_s
    return due * (1 + luck / 5)


def due(jobs: Sequence[Job], newest: bool) -> Sequence[Job]:
    """Return the lead's first jobs that one call settles, by handing over the last of them.

    It is all that wait where only the `newest` counts; but an erasure is for itself.
    """
    return jobs if newest and not jobs[0].parcel.routed.erased_at else jobs[:1]


class Lane:
    """One member of a destination's group, reading `topic`.

    `takes` = only what is decided for these of our destinations; none = all. An erasure goes to all who were told of
    leads: to every destination that `erases`. Whether it does or not, what waits from before an erasure is let go.
    `foresee` = the offsets of erasures since a time, to know them when it goes back; it may be told to give up.
    """

    def __init__(
        self,
        name: str,
        reader: Reader,
        sink: Sink,
        codec: Codec,
        outgoing: Outgoing,
        *,
        topic: str = LEADS_ROUTED.name,
        takes: Iterable[str] = (),
        erases: bool = True,
        schedule: Sequence[float] = SCHEDULE_S,
        near_s: float = NEAR_S,
        clock: Callable[[], float] = time.time,
        tracing: Tracing | None = None,
        foresee: Foresight = lambda _, __: {},
    ) -> None:
        self.name, self._topic, self._tracing = name, topic, tracing
        self.disabled: Callable[[], None] = lambda: None  # called when the destination wants no more at all
        self._reader, self._sink, self._codec, self._outgoing = reader, sink, codec, outgoing
        self._erases = erases
        self._erasures = {told: metrics.ERASURES.labels(name, told) for told in ("delivered", "refused")}
        self._takes, self._schedule, self._near_s, self._clock = frozenset(takes), schedule, near_s, clock
        self._stop, self._wake = asyncio.Event(), asyncio.Event()
        self._gate, self._flying = asyncio.Semaphore(ABREAST), 0
        self._ledger, self._backlog, self._breaker = Ledger(), Backlog(), Breaker()
        self._parking = Parking(outgoing, self._ledger)
        self._paused = False
        self._since: float | None = None
        self._foresee, self._erased = foresee, dict[Lead, int]()

    async def run(self) -> None:
        """Deliver until `stop`; what is on its way then is finished, what waits is left to the next one."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as thread:  # the consumer is for one thread
            call = partial(loop.run_in_executor, thread)
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._dispatch(tasks))
                    while not self._stop.is_set():
                        messages = await call(self._reader.read, BATCH, READ_S, self._busy())
                        self._let_go(self._reader.lost())
                        for message in messages:
                            self._begin(message, tasks)
                        self._wake.set()
                        if self._since is not None:
                            await self._rewind(call)
                        await call(self._reader.commit, self._ledger.settled())
                        metrics.DELIVERIES_WAITING.labels(self.name).set(len(self._backlog))
                await call(self._reader.commit, self._ledger.settled())
            finally:
                await self._sink.close()
                await call(self._reader.close)

    def stop(self) -> None:
        """End `run` soon; to be called on its loop, as are `pause` and `replay`."""
        self._stop.set()
        self._parking.stop()
        self._wake.set()

    def pause(self, paused: bool) -> None:
        """Deliver nothing for now, or go on."""
        self._paused = paused
        metrics.DESTINATION_PAUSED.labels(self.name).set(paused)
        self._wake.set()

    def replay(self, since: float) -> None:
        """Deliver again what was decided since then, seconds since the epoch."""
        self._since = since

    def _busy(self) -> set[Spot]:
        """Return the partitions that may not be read now: full, paused, or with too many leads that wait."""
        crowded = {number for _, number in self._ledger.full(WAITING)}
        full = self._ledger.full(WINDOW)
        return {
            (topic, number)
            for topic, number in self._reader.owned
            if number in crowded or (topic == self._topic and (self._paused or (topic, number) in full))
        }

    def _begin(self, message: Message, tasks: asyncio.TaskGroup) -> None:
        """Take a record on; what cannot be read is buried."""
        spot, offset = place(message)
        key, value = message.key() or b"", message.value() or b""
        self._ledger.begin(spot, offset)
        try:
            routed = cast("RoutedLead", self._codec.decode(message.value(), (RoutedLead,)))
            parcel = Parcel(routed, unseal(routed.person, routed.person_key))
        except Rejected as rejected:
            tasks.create_task(self._bury_unread(spot, offset, key, value, rejected))
            return
        attempt, due_at = waited(message)
        trace = carried(message.headers()) if self._tracing is not None else ""
        job = Job((spot[1], key), spot, offset, value, parcel, attempt, due_at, trace)
        if is_canary(routed.lead_id) or not self._wants(routed):
            self._ledger.settle(spot, offset)
        elif spot[0] == self._topic and offset < self._erased.get(job.lead, offset):
            self._let_lie([job])
        elif spot[0] == self._outgoing.topic:
            self._parking.came_back(job)
            self._add(job)
        elif self._parking.holds(job.lead):
            self._parking.park([job], tasks)
        else:
            self._add(job)

    def _wants(self, routed: RoutedLead) -> bool:
        """Tell whether a decision matters here: an erasure does to whoever may have something waiting."""
        return bool(routed.erased_at) or not self._takes or routed.destination in self._takes

    def _add(self, job: Job) -> None:
        """Have a job wait for its turn. What waits in front of an erasure, for however long, is let go."""
        if job.parcel.routed.erased_at:
            self._let_lie(self._backlog.overtake(job.lead))
            if not self._erases:
                self._let_lie([job])
                return
        self._backlog.add(job)

    def _let_lie(self, jobs: Sequence[Job]) -> None:
        """Settle what is not to be delivered any more."""
        metrics.DELIVERIES.labels(self.name, Skipped.__name__.lower()).inc(len(jobs))
        for job in jobs:
            self._ledger.settle(job.spot, job.offset)
            self._parking.gone(job)

    async def _bury_unread(self, spot: Spot, offset: int, key: bytes, value: bytes, why: Rejected) -> None:
        if await self._outgoing.bury((spot, offset), key, value, why.reason, why.detail):
            self._ledger.settle(spot, offset)

    async def _dispatch(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            await self._gate.acquire()
            turns = await self._next()
            if not turns:
                return
            self._flying += 1
            tasks.create_task(self._deliver(turns, tasks)).add_done_callback(self._landed)

    async def _next(self) -> list[Sequence[Job]]:
        """Return the jobs of the leads whose turn it is; nothing when we are to stop."""
        while not self._stop.is_set():
            self._wake.clear()
            now = self._clock()
            wait_s = self._breaker.wait_s(now)
            trying = self._breaker.open and self._flying  # one attempt at a time tells enough
            if not (self._paused or wait_s or trying):
                turns = self._backlog.take(now, 1 if self._breaker.open else self._sink.largest)
                if turns:
                    return turns
                due_at = self._backlog.next_at()
                wait_s = READ_S if due_at is None else min(max(due_at - now, 0.001), READ_S)
            try:
                await asyncio.wait_for(self._wake.wait(), wait_s or READ_S)
            except TimeoutError:
                continue
        return []

    def _landed(self, _: object) -> None:
        self._flying -= 1
        self._gate.release()
        self._wake.set()

    async def _deliver(self, turns: list[Sequence[Job]], tasks: asyncio.TaskGroup) -> None:
        """Make one call with one decision of each lead, and settle what came of each."""
        turns = [due(jobs, self._sink.newest) for jobs in turns]
        outcomes = await self._traced([jobs[-1] for jobs in turns])
        now = self._clock()
        self._breaker.heard(((jobs[0].lead, it) for jobs, it in zip(turns, outcomes, strict=True)), now)
        for jobs, outcome in zip(turns, outcomes, strict=True):
            done = isinstance(outcome, Delivered) or not jobs[0].overtaken
            await self._settle(jobs, outcome if done else Skipped("an erasure has come"), now, tasks)

    async def _settle(self, jobs: Sequence[Job], outcome: Delivery, now: float, tasks: asyncio.TaskGroup) -> None:
        first, last = jobs[0], jobs[-1]
        match outcome:
            case Delivered():
                metrics.DELIVERY_AGE_SECONDS.labels(self.name).observe(now - last.parcel.routed.received_at)
                self._erasures["delivered"].inc(bool(last.parcel.routed.erased_at))
                if log.isEnabledFor(logging.DEBUG):
                    log.debug("a decision was delivered", extra=self._about(last))
                self._done(jobs)
            case Skipped():
                self._done(jobs)
            case Refused(Refusal.DISABLED, detail):
                about = {"destination": self.name, "why": detail}
                log.warning("it wants no more leads; `leadstream destinations resume` asks it again", extra=about)
                self.pause(True)
                self.disabled()
                self._backlog.again(first)
            case Refused(reason, detail):
                await self._bury(jobs, Reason.CRASH if reason is Refusal.CRASHED else Reason.REFUSED, reason, detail)
            case Retry(after_s, why):
                log.warning("a decision was not taken", extra=self._about(last) | {"why": why})
                if self._breaker.open:
                    self._backlog.again(first)
                elif first.attempt >= len(self._schedule):
                    await self._bury(jobs, Reason.REFUSED, Refusal.EXHAUSTED, why)
                else:
                    self._postpone(first, pause_s(first.attempt, after_s, random.random(), self._schedule), tasks)

    def _about(self, job: Job) -> dict[str, object]:
        """Return what a log line says of a decision."""
        routed = job.parcel.routed
        ids = {"lead": routed.lead_id, "decision": routed.decision_id}
        traced = {"trace_id": job.trace.split("-")[1]} if job.trace else {}
        return {"destination": self.name, "attempt": job.attempt, **ids, **traced}

    def _postpone(self, job: Job, wait_s: float, tasks: asyncio.TaskGroup) -> None:
        job.attempt += 1
        job.due_at = self._clock() + wait_s
        if wait_s > self._near_s and job.spot[0] != self._outgoing.topic:
            self._parking.park(self._backlog.withdraw(job), tasks)
        else:
            self._backlog.again(job)

    def _done(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            self._ledger.settle(job.spot, job.offset)
            self._parking.gone(job)
        self._backlog.done(jobs)

    async def _bury(self, jobs: Sequence[Job], reason: Reason, refusal: Refusal, detail: str) -> None:
        job, told = jobs[-1], f"{self.name}: {refusal}: {detail}"
        if await self._outgoing.bury((job.spot, job.offset), job.lead[1], job.value, reason, told):
            self._erasures["refused"].inc(bool(job.parcel.routed.erased_at))
            self._done(jobs)

    async def _traced(self, jobs: list[Job]) -> Sequence[Delivery]:
        """Make the call, with a span for each decision that is traced."""
        if self._tracing is None or not any(job.trace for job in jobs):
            return await self._attempt([job.parcel for job in jobs])
        about: dict[str, str | int] = {"leadstream.destination": self.name}
        spans = [self._tracing.child("deliver", job.trace, about) if job.trace else None for job in jobs]
        outcomes = await self._attempt([job.parcel for job in jobs])
        for job, span, outcome in zip(jobs, spans, outcomes, strict=True):
            if span is not None:
                span.set_attribute("leadstream.decision", job.parcel.routed.decision_id)
                span.set_attribute("leadstream.outcome", type(outcome).__name__.lower())
                span.end()
        return outcomes

    async def _attempt(self, parcels: list[Parcel]) -> Sequence[Delivery]:
        outcomes: Sequence[Delivery]
        with metrics.DELIVERY_SECONDS.labels(self.name).time():
            try:
                outcomes = await handed_over(self._sink, parcels)
            except Exception as error:  # noqa: BLE001 - a bug in a sink costs these leads a detour, never the lane
                outcomes = [Refused(Refusal.CRASHED, type(error).__name__)] * len(parcels)
        for outcome in outcomes:
            metrics.DELIVERIES.labels(self.name, type(outcome).__name__.lower()).inc()
        return outcomes

    def _let_go(self, lost: set[Spot]) -> None:
        """Leave alone what lies on partitions that were taken from us: whoever has them now delivers it."""
        for spot in lost:
            self._backlog.forget(spot)
            self._ledger.forget(spot)
            self._parking.forget(spot)

    async def _rewind(self, call: Callable[..., "asyncio.Future[dict[Spot, int] | None]"]) -> None:
        """Go back, once it is known who is erased from there on: nothing of theirs from before is delivered again."""
        since = self._since
        looking = asyncio.ensure_future(asyncio.to_thread(self._foresee, since or 0.0, self._stop.is_set))
        while not looking.done():
            await call(self._reader.hold, READ_S)
        try:
            self._erased |= await looking
        except (BrokerUnreachable, KafkaException) as error:
            log.warning("cannot go back yet", extra={"destination": self.name, "error": error})
            return
        if self._stop.is_set():
            return
        rewound = await call(self._reader.rewind, self._topic, since)
        if rewound is None:
            return  # it is asked again after the next read
        if self._since == since:  # nobody has said something else meanwhile
            self._since = None
        self._let_go(set(rewound))
        log.info("a destination goes back", extra={"destination": self.name, "partitions": len(rewound)})
