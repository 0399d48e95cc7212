"""The engine around a Faust app: its tables, its outbox, its rounds, and what happens when partitions come and go."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from confluent_kafka import KafkaException

from schemas.codec import Codec
from schemas.step import Agent
from schemas.topics import Topic
from streams import metrics
from streams.engine import group, offsets, restore
from streams.engine.boundary import Batch, Boundary, Slice
from streams.engine.config import Config
from streams.engine.exits import Exit, leave
from streams.engine.garbage import give_back
from streams.engine.hot import Hot
from streams.engine.limits import CrashLimit, TooManyCrashes
from streams.engine.offsets import Interrupted, Place, Wanted
from streams.engine.outbox import Fenced, Outbox
from streams.engine.pace import Pace
from streams.engine.patience import Patience, ended
from streams.engine.rounds import Committed, Membership, Round, Rounds
from streams.engine.standby import Standby
from streams.engine.store import MemoryStore, Store, StoreBroken
from streams.engine.table import Table

log = logging.getLogger(__name__)
AGAIN_S = 1.0
UNWANTED_S = 60.0  # a restore looks up every few seconds
NewStore = Callable[[str, int], Store]  # of a changelog topic's name, and a partition


class Host:
    """One worker's engine. Built once; `start` before the consumer starts."""

    def __init__(self, config: Config, agents: Sequence[Agent], codec: Codec, store: NewStore | None = None) -> None:
        self.config, self.codec = config, codec
        marks = partial(offsets.marks, config.kafka, config.group)
        self._outbox = Outbox(config.kafka, f"{config.group}-{config.worker}", config.transaction_s, marks)
        self.boundaries = {
            agent.name: Boundary(agent, codec, self._outbox, config.partitions, config.traces) for agent in agents
        }
        self._agent_of = {topic.name: agent.name for agent in agents for topic in agent.inputs}
        self._background = {agent.name for agent in agents if agent.background}
        self.tables: dict[tuple[str, int], tuple[Table, ...]] = {}
        self._new_store = store or (lambda _topic, _partition: MemoryStore())
        self._hot = Hot()
        self._standby = Standby(config.kafka) if config.standby else None
        self.rounds = Rounds(self._outbox, self._metadata, self.tables, CrashLimit(), self._on_commit)
        self.pace = Pace(config.round_records, config.transaction_s)
        self.patience = Patience()
        self._restore_lock = asyncio.Lock()
        self._assignments = 0
        self.membership = Membership(-1, "")  # as whom our state was restored: the only one whose rounds may commit
        self.restoring = False
        self._restoring = ""  # what the restore that is under way is at
        self.restored = False  # at least once: our first partitions, or none, are ours
        self._moved_at = time.monotonic()

    @property
    def progress_at(self) -> float:
        """When something last went forward: a commit, or a restore (monotonic seconds)."""
        return max(self.rounds.committed_at, self._moved_at)

    @property
    def waits_for(self) -> str:
        """What is waited for at this moment, for whoever finds that it lasts; "" when nothing is."""
        first = "" if self.restored else "its first partitions"
        return self.patience.waits_for or self.rounds.doing or (self._restoring if self.restoring else first)

    def ready(self) -> str:
        """Return "" when the worker works, else why it does not: for /readyz."""
        if self.restoring:
            return "restoring state"
        return "" if self.restored else "waiting for partitions"

    def heard(self) -> None:
        """Ask whoever gives us partitions for a sign of life. Raises `KafkaException` when there is none in time."""
        offsets.committed(self.config.kafka, self.config.group, [(next(iter(self._agent_of)), 0)])

    async def start(self) -> None:
        """Check what fencing leans on, take the transactional id over, ready the agents. Raises `MetadataChanged`.

        Agents are readied before we join our group: where partitions come to us, nobody waits for libraries to load.
        """
        group.check()
        metrics.OUTBOX_RECORDS.set_function(self._outbox.__len__)
        metrics.RESTORING.set_function(lambda: float(self.restoring))
        metrics.WAITING.set_function(lambda: float(self.rounds.waiting))
        try:
            await asyncio.get_running_loop().run_in_executor(None, self._outbox.start)
        except Fenced as fenced:
            leave(Exit.FENCED, f"the broker refuses our transactional id: {fenced}")
        except asyncio.CancelledError:
            self._outbox.close()
            raise
        for boundary in self.boundaries.values():
            await self._ready(boundary.agent)
        if self._standby is not None:
            self._standby.start()

    async def _ready(self, agent: Agent) -> None:
        while True:
            try:
                return await asyncio.get_running_loop().run_in_executor(None, agent.prepare)
            except (KafkaException, TimeoutError) as error:
                log.warning("an agent is not ready, to be tried again", extra={"agent": agent.name, "error": error})
                await asyncio.sleep(AGAIN_S)

    async def close(self) -> None:
        """Give back all state; the engine is not used again."""
        self._assignments += 1
        async with self._restore_lock:
            for tables in self.tables.values():
                for table in tables:
                    table.store.close()
            self.tables.clear()
            if self._standby is not None:
                await asyncio.get_running_loop().run_in_executor(None, self._standby.stop)

    def waits(self, topic: str) -> bool:
        """Tell whether anybody waits for what is made of its records."""
        return self._agent_of[topic] not in self._background

    def round(self, slices: Iterable[Slice]) -> Round:
        """Make a round of what a poll brought: one batch for each agent, under the membership that owns the state."""
        by_agent: dict[str, list[Slice]] = {}
        for part in slices:
            by_agent.setdefault(self._agent_of[part.topic], []).append(part)
        return Round(self.membership, [Batch(agent, tuple(parts)) for agent, parts in by_agent.items()])

    async def run(self, new: Round, deliver: Callable[[Batch], None]) -> bool:
        """Run a round; a worker that may not go on ends here."""
        try:
            done = await self.rounds.run(new, deliver)
        except Fenced as fenced:
            leave(Exit.FENCED, f"the broker refuses our commit: {fenced}")
        except TooManyCrashes as crashes:
            leave(Exit.CRASHES, str(crashes))
        except StoreBroken as broken:
            leave(Exit.STATE, str(broken))
        if not done:
            metrics.ROUNDS.labels(new.undone_by).inc()
            self.pace.undone(new.records)
            if self.config.traces is not None:
                self.config.traces.undone()
        return done

    async def release(self) -> None:
        """Leave no round open: partitions are about to move, or the worker stops."""
        self._assignments += 1
        await self._settle()

    async def _settle(self) -> None:
        """Wait for no round to be open: no longer than the group waits for us, for then it goes on without us."""
        self.rounds.give_up()
        if self.rounds.open:
            await self.patience.until(lambda: self.rounds.doing, self.rounds.settled(), self.config.rebalance_s)

    async def restore(self, assigned: set[Place], membership: Membership) -> dict[Place, int]:
        """Own `assigned`: bring its state up to the last commit, return where to read on. Raises `Interrupted`."""
        self._assignments += 1
        current = self._assignments

        def wanted() -> bool:
            return current == self._assignments

        async with self._restore_lock:
            await self._settle()  # there is none, unless Faust knew of no partitions to revoke
            if not wanted():
                raise Interrupted
            self.restoring = True
            began = self._moved_at = time.monotonic()
            try:
                self._own(assigned)
                tables = [table for tables in self.tables.values() for table in tables]
                positions, read = await self._insist(assigned, tables, wanted)
            except StoreBroken as broken:
                leave(Exit.STATE, str(broken))
            finally:
                self.restoring = False
            if not wanted():  # there may have been nothing to read, and nobody who asked
                raise Interrupted
            self.membership = membership
            if not self.tables:
                self._hot.clear()
        self.restored = True
        self._measure()
        metrics.REBALANCES.inc()
        metrics.RESTORED.inc(read)
        took_s = time.monotonic() - began
        metrics.RESTORE_SECONDS.observe(took_s)
        log.info("own partitions", extra={"partitions": len(assigned), "records": read, "took_s": took_s})
        return positions

    async def _insist(self, assigned: set[Place], tables: list[Table], wanted: Wanted) -> tuple[dict[Place, int], int]:
        """Restore, again and again while the broker does not answer. Raises `Interrupted`."""
        while wanted():
            try:
                running = asyncio.get_running_loop().run_in_executor(None, self._restore, assigned, tables, wanted)
                return await self._heard(running)
            except (KafkaException, TimeoutError) as error:
                log.warning("state cannot be restored, to be tried again", extra={"error": error})
                await asyncio.sleep(AGAIN_S)
        raise Interrupted

    async def _heard(self, running: "asyncio.Future[tuple[dict[Place, int], int]]") -> tuple[dict[Place, int], int]:
        """Wait for the thread, even when cancelled: until it ends, its tables are nobody else's."""
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await self.patience.until(lambda: f"{self._restoring}, to stop", ended(running), UNWANTED_S)
            raise

    def _restore(self, assigned: set[Place], tables: list[Table], wanted: Wanted) -> tuple[dict[Place, int], int]:
        self._restoring = "a restore that asks where to read on"
        positions = offsets.committed(self.config.kafka, self.config.group, assigned, wanted)
        self._restoring = "a restore that reads changelogs"
        read = restore.restore(self.config.kafka, tables, wanted, self._moved, time.time())
        for (name, _), (first, *_others) in self.tables.items():
            if alarm := self.boundaries[name].agent.alarm:
                first.alarms(alarm.due)  # read off all rows: here, and not in the first transaction
        give_back()
        return positions, read

    def _moved(self) -> None:
        self._moved_at = time.monotonic()

    def _own(self, assigned: set[Place]) -> None:
        """Keep the tables of partitions that stay, make those that come, drop those that went."""
        for name, boundary in self.boundaries.items():
            held = {frozenset(p for t, p in assigned if t == topic.name) for topic in boundary.agent.inputs}
            if len(held) > 1:  # two workers would write one partition's state
                leave(Exit.MISPLACED, f"the inputs of {name} came apart: have they all the same number of partitions?")
        wanted = {
            (name, partition)
            for name, boundary in self.boundaries.items()
            for topic, partition in assigned
            if topic in {of.name for of in boundary.agent.inputs}
        }
        for gone in set(self.tables) - wanted:
            self._let_go(self.tables.pop(gone))
        for name, partition in wanted - set(self.tables):
            topics = self.boundaries[name].agent.tables
            self.tables[name, partition] = tuple(self._table(topic, partition) for topic in topics)
        if self._standby is not None:
            self._standby.give(self._unowned(self._standby.places()))

    def _let_go(self, tables: Iterable[Table]) -> None:
        if self._standby is not None:
            self._standby.give(tables)
            return
        for table in tables:
            table.store.close()

    def _table(self, topic: Topic, partition: int) -> Table:
        """Return the table, warm where it was followed."""
        warm = self._standby.take((topic.name, partition)) if self._standby is not None else None
        return warm or Table(topic, partition, self._new_store(topic.name, partition), self.codec, self._hot)

    def _unowned(self, followed: set[Place]) -> list[Table]:
        """Make the tables that neither we own nor the standby follows yet."""
        return [
            self._table(topic, partition)
            for name, boundary in self.boundaries.items()
            for topic in boundary.agent.tables
            for partition in range(topic.partitions or self.config.partitions)
            if (name, partition) not in self.tables and (topic.name, partition) not in followed
        ]

    def _metadata(self, membership: Membership) -> bytes:
        return group.metadata(self.config.group, *membership, self.config.instance)

    def _on_commit(self, committed: Committed) -> None:
        for (stage, met), count in committed.fates.items():
            metrics.FATES.labels(stage, met.fate, met.reason).inc(count)
        self._learn_pace(committed)
        metrics.ROUNDS.labels("committed").inc()
        if self.config.traces is not None:
            self.config.traces.committed(committed.records)
        metrics.ROUND_RECORDS.observe(committed.records)
        metrics.ROUND_ROWS.observe(committed.rows)
        metrics.FOLD_SECONDS.observe(committed.fold_s)
        metrics.COMMIT_SECONDS.observe(committed.commit_s)
        for stage, took_s in committed.stages.items():
            metrics.STAGE_SECONDS.labels(stage).observe(took_s)
        self._measure()
        for emit in committed.emitted:
            self.config.on_emit(emit.topic.name, emit.record)

    def _learn_pace(self, committed: Committed) -> None:
        behind = sum(count for (agent, _), count in committed.fates.items() if agent in self._background)
        behind_s = sum(took_s for agent, took_s in committed.stages.items() if agent in self._background)
        if behind:
            self.pace.committed_behind(committed.records, behind, behind_s, time.monotonic())
        else:
            self.pace.committed(committed.records, committed.fold_s, committed.commit_s)

    def _measure(self) -> None:
        stores = [table.store for tables in self.tables.values() for table in tables]
        metrics.STATE_ROWS.set(sum(map(len, stores)))
        metrics.STATE_BYTES.set(sum(store.size for store in stores))
