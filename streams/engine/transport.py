"""Faust's transport with another inner loop: whole record batches into the agents' streams, one transaction per round.

Everything else stays Faust's: the consumer thread and its heartbeats, group membership, the rebalance and recovery
services. Stock Faust puts each record through two tasks and commits acks on a timer; neither happens here.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, ClassVar, cast

import aiokafka
from aiokafka.errors import IllegalStateError, KafkaConnectionError
from faust.events import Event
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from mode import Service

from streams.engine.access import for_aiokafka
from streams.engine.boundary import Batch, Slice
from streams.engine.exits import Exit, leave
from streams.engine.host import Host
from streams.engine.joining import hear
from streams.engine.offsets import Interrupted, Place
from streams.engine.patience import whole
from streams.engine.rounds import Membership, Round
from streams.engine.static import name_heartbeats

log = logging.getLogger(__name__)
FETCH_WAIT_MS = 20
REQUEST_S = 60.0
IDLE_S = AGAIN_S = 1.0
AT_ONCE_S, FETCH_S = 0.003, 0.012  # within the first, records had been waiting; within the second, the next are fetched
ENOUGH = 100  # records to be kept for later; few are no reason to leave more where they hold up aiokafka's next fetch
SCHEME = "leadstream"


class BatchConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that owns aiokafka's consumer: read_committed, short polls, partitions of one number kept together."""

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        conf = self.app.conf
        self._assignor = self.app.assignor  # Faust's, of balanced shares (`shares.py`)
        return aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_poll_records=conf.broker_max_poll_records,
            max_poll_interval_ms=int(conf.broker_max_poll_interval * 1000),
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            request_timeout_ms=int(max(REQUEST_S, conf.broker_session_timeout) * 1000),
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            metadata_max_age_ms=conf.consumer_metadata_max_age_ms,
            **for_aiokafka(cast(Host, self.app.engine).config.kafka),  # type: ignore[attr-defined]
        )

    async def on_start(self) -> None:
        """Start the consumer; one that loses its name to another process, or its way to the group, ends this one."""
        if not await _met(self, super().on_start, lambda: self._ensure_consumer().stop()):
            return
        coordinator = self._ensure_consumer()._coordinator
        hear(coordinator, _gone)
        if instance := self.app.conf.consumer_group_instance_id:
            name_heartbeats(coordinator, instance, _name_taken)

    def membership(self) -> Membership:
        """Return the generation and member id that the group coordinator knows us by, both of one moment.

        They change in the consumer's thread one after the other, when we join or are expelled, and this is another.
        """
        coordinator = self._ensure_consumer()._coordinator
        while True:
            generation, member = coordinator.generation, coordinator.member_id
            if generation == coordinator.generation:
                return Membership(generation if member else -1, member)

    def bound(self, records: int) -> None:
        """Let the next poll bring so many records at most."""
        self._ensure_consumer()._max_poll_records = records

    async def move(self, positions: Mapping[TP, int], membership: Membership) -> None:
        """Read on from there, if we are who we were. Raises `IllegalStateError` when partitions move again.

        In the thread that aiokafka's consumer lives in: a position that is set wakes what waits for it there.
        """
        await self.call_thread(self._move, positions, membership)

    async def _move(self, positions: Mapping[TP, int], membership: Membership) -> None:
        if self.membership() != membership:
            raise IllegalStateError("no member of the group any more by which these positions were found")
        consumer = self._ensure_consumer()
        for tp, offset in positions.items():
            consumer.seek(tp, offset)

    def positions(self) -> dict[tuple[str, int], int]:
        """Return the next offset aiokafka will read, by (topic, partition); 0 where it does not know yet."""
        subscription = self._consumer._subscription.subscription if self._consumer is not None else None
        assignment = subscription.assignment if subscription is not None else None
        if assignment is None:
            return {}
        states = ((tp, assignment.state_value(tp)) for tp in assignment.tps)
        return {(tp.topic, tp.partition): state._position or 0 for tp, state in states}


class BatchConsumer(driver.Consumer):
    """Faust's consumer, with rounds in place of messages, acks and commits."""

    _thread: BatchConsumerThread
    _backoff_s = 0.0
    _polling: asyncio.Lock

    @property
    def host(self) -> Host:
        """The engine around this app."""
        return cast(Host, self.app.engine)  # type: ignore[attr-defined]

    def positions(self) -> dict[tuple[str, int], int]:
        """Return the next offset to be read from each partition of ours."""
        return self._thread.positions()

    @property
    def astray(self) -> bool:
        """Tell whether partitions are ours under a membership that is not: what is read of them is let go."""
        return bool(self.positions()) and self._thread.membership() != self.host.membership

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._polling = asyncio.Lock()
        self._taken = 0  # records in hand for the next round
        self._moves = 0  # how often positions were set, or are about to be: what was taken before comes again
        self._left: dict[TP, list[Any]] = {}  # taken, and not for the last round: nobody waits for it
        self._enough: set[TP] = set()  # of which no more is to be taken now, for what somebody waits for comes first

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def _drain_messages(self, fetcher: Any) -> None:
        """Poll, run a round, poll again; what a failed round had read is read again."""
        try:
            while not (self.should_stop or fetcher.should_stop):
                slices = await self._gather()
                if not slices or not self.flow_active or self.should_stop:
                    await asyncio.sleep(0)
                elif self._thread.membership() != self.host.membership:  # expelled; the rebalance is on its way
                    await asyncio.sleep(0.05)
                else:
                    await self._run(self.host.round(slices))
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise
        except asyncio.CancelledError:
            if not self.app.should_stop:
                raise

    async def _gather(self) -> list[Slice]:
        """Return what has come since the last round, and not only what had come when that began.

        aiokafka fetches no more of a partition while some of it waits to be taken. So what is there at once is as old
        as the last round: it is taken, and asked again, what follows it is here in a moment. Half the latency under
        load; when little comes in, there is nothing to be taken and nothing is asked twice.
        """
        found, self._left = self._left, {}
        self._taken, self._enough = 0, {tp for tp, records in found.items() if len(records) > ENOUGH}
        asked_at, moves = time.monotonic(), self._moves
        while True:
            more, active = await self._wait_next_records(FETCH_S if found else IDLE_S)
            if self._moves != moves:  # what we had taken comes again; `more` is of a poll that began after the move
                self._taken, self._enough, found, moves = 0, set(), {}, self._moves
            behind = False
            for tp, records in more.items() if more else ():
                if records and (active is None or tp in active):
                    found.setdefault(tp, []).extend(records)
                    if self.host.waits(tp.topic):
                        self._taken += len(records)
                    else:
                        behind = True
                        self._enough.add(tp)
            if behind and not self._taken:
                continue  # they may have filled the poll: what somebody waits for is asked for without them
            waited_s = time.monotonic() - asked_at
            if not more or waited_s > AT_ONCE_S or self._taken >= self.host.pace.limit:
                break
        return self._portion(found)

    def _portion(self, found: dict[TP, list[Any]]) -> list[Slice]:
        """Return what of it is for the next round, and keep the rest: of what nobody waits for, some now and then."""
        portion = {tp: records for tp, records in found.items() if self.host.waits(tp.topic)}
        behind = {tp: records for tp, records in found.items() if tp not in portion}
        if behind and (few := self.host.pace.background(time.monotonic(), alone=not portion)):
            portion |= {tp: records[:few] for tp, records in behind.items()}
        self._left = {tp: left for tp, records in behind.items() if (left := records[len(portion.get(tp, ())) :])}
        return [Slice(tp.topic, tp.partition, records) for tp, records in portion.items()]

    async def _run(self, current: Round) -> None:
        """Run a round; go back to where it began when it was undone."""
        moves = self._moves
        self.host.rounds.open_with(current)
        running = asyncio.ensure_future(self.host.run(current, self._deliver))
        if await asyncio.shield(running):  # a cancelled poll must not tear a commit: `release` waits for it
            self._backoff_s = 0.0
        else:
            self._backoff_s = min(2 * self._backoff_s + 0.05, 5.0)
            await asyncio.sleep(self._backoff_s)
            left: dict[Place, int] = {tp: records[0].offset for tp, records in self._left.items()}
            with suppress(IllegalStateError):  # a rebalance came meanwhile: what it restored says where to read
                await self._set(left | current.starts(), current.membership, moves)

    async def _set(self, positions: Mapping[Place, int], membership: Membership, moves: int) -> None:
        """Read on from there. Raises `IllegalStateError` when partitions have moved, or begun to, since `moves`."""

        async def move() -> None:
            async with self._polling:  # a poll under way would bring what lies before, or swallow what lies after
                if self._moves != moves:
                    raise IllegalStateError("the partitions move again")
                self._void()
                await whole(self._thread.move({TP(*at): offset for at, offset in positions.items()}, membership))

        await self.host.patience.until(lambda: "positions to be set", move(), REQUEST_S)

    def _deliver(self, batch: Batch) -> None:
        """Put one event holding the batch into its agent's stream."""
        last = batch.slices[-1]
        tp, record = TP(last.topic, last.partition), last.records[-1]
        message = ConsumerMessage(
            tp.topic,
            tp.partition,
            record.offset,
            record.timestamp / 1000,
            0,
            None,
            None,
            None,
            None,
            tp=tp,
            generation_id=self.app.consumer_generation_id,  # streams skip messages of an earlier generation
        )
        event: Event = Event(self.app, None, batch, None, message)
        for channel in self.app.topics._tp_index[tp]:  # type: ignore[attr-defined]
            message.incref()
            channel.queue.put_nowait(event)

    async def _getmany(self, active_partitions: Any, timeout: float) -> Any:  # noqa: ASYNC109 - Faust's
        async with self._polling:
            if not self.flow_active:
                return {}
            moves = self._moves
            if not (wanted := active_partitions - self._enough):
                return {}
            self._thread.bound(max(self.host.pace.limit - self._taken, 1))
            found = await super()._getmany(wanted, timeout)
            return found if self._moves == moves else {}

    def stop_flow(self) -> None:
        """Stop polling: partitions move, so positions will. What is being polled, or waits for its round, is void."""
        self._void()
        super().stop_flow()

    def _void(self) -> None:
        self._moves += 1
        self._left = {}

    async def perform_seek(self) -> None:
        """Begin where the last commit left off: called after every rebalance, before the flow resumes."""
        self.stop_flow()  # Faust does not, when we had no partitions before
        moves = self._moves
        generation = self.app.consumer_generation_id  # of the assignment that Faust has been told of
        assigned, membership = {(tp.topic, tp.partition) for tp in self.assignment()}, self._thread.membership()
        if membership.generation != generation:  # expelled, or joined anew: another assignment is on its way
            raise IllegalStateError("no member of the group by which these partitions were assigned")
        await self._set(await self._restore(assigned, membership), membership, moves)

    async def give_back(self, *_: Any, **__: Any) -> None:
        """Give all state back when nothing was assigned to us: then Faust seeks nothing, and nothing is restored."""
        membership = self._thread.membership()
        if not self.assignment() and membership.generation == self.app.consumer_generation_id:
            await self._restore(set(), membership)

    async def _restore(self, assigned: set[Place], membership: Membership) -> dict[Place, int]:
        try:
            return await self.host.restore(assigned, membership)
        except Interrupted as interrupted:
            raise IllegalStateError("the partitions move again") from interrupted  # Faust's word for: wait for the next

    async def wait_empty(self) -> None:
        """Called before partitions are given back: let go of the open round, or wait for its commit."""
        await self.host.release()

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:  # noqa: ARG002 - Faust's
        """Offsets are committed in the round's transaction, and only there."""
        return False

    def ack(self, message: Any) -> bool:  # noqa: ARG002 - Faust's
        """Acks are not counted: a batch is done when its transaction has committed."""
        return True

    @Service.task
    async def _commit_handler(self) -> None:
        """No timer commits."""

    @Service.task
    async def _commit_livelock_detector(self) -> None:
        """The watchdog looks after progress."""

    async def on_stop(self) -> None:
        """Let go of the open round before the consumer ends."""
        await self.host.release()


async def _met(of: Service, start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]]) -> bool:
    """Start a service's client, again and again until a broker answers it; False when the service is to stop first."""
    while not of.should_stop:
        try:
            await start()
        except KafkaConnectionError as error:
            log.warning("no broker answers yet, to be tried again", extra={"error": error})
            await stop()
            await of.sleep(AGAIN_S)
        else:
            return True
    return False


def _gone(why: str) -> None:
    leave(Exit.CRASHED, why)


def _name_taken() -> None:
    leave(Exit.FENCED, "another worker has started under this one's name")


class Producer(driver.Producer):
    """Faust's own. Nothing is sent with it, but Faust starts it: it has to get in."""

    async def on_start(self) -> None:
        """Start it."""
        await _met(self, super().on_start, lambda: self._ensure_producer().stop())

    def _settings_auth(self) -> dict[str, Any]:
        return for_aiokafka(cast(Host, self.app.engine).config.kafka)  # type: ignore[attr-defined]


class Transport(driver.Transport):
    """Named by the broker URL's scheme, `leadstream://host:port`."""

    Consumer = BatchConsumer
    Producer: ClassVar[type[driver.Producer]] = Producer


def brokers(bootstrap: str) -> list[str]:
    """Return the broker URLs for `faust.App`.

    >>> brokers("a:1,b:2")
    ['leadstream://a:1', 'leadstream://b:2']
    """
    return [f"{SCHEME}://{server.strip()}" for server in bootstrap.split(",")]


__all__ = ["BatchConsumer", "BatchConsumerThread", "Transport", "brokers"]
