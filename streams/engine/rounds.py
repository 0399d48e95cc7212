"""Rounds: what one poll of the consumer brought, folded by the agents and committed as one Kafka transaction.

The consumer opens a round and hands each batch to its agent's stream. An agent works inside `transaction(batch)`, and
is released when the whole round has committed, or was given up: then nothing of it is visible, and the input comes
again.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import NamedTuple

from schemas.registry import RegistryUnavailable
from schemas.rejected import Reason
from schemas.topics import Emit
from streams.engine.boundary import Batch, Boundary, Met, Slice
from streams.engine.limits import CrashLimit
from streams.engine.offsets import Place
from streams.engine.outbox import Aborted, Outbox
from streams.engine.table import RowUnfit, Table

log = logging.getLogger(__name__)


class Membership(NamedTuple):
    """As whom a round was read: the generation and member id that its commit must still be valid for."""

    generation: int
    member: str


class Round:
    """One poll's records, a batch for each agent. `folded` is set when all are through, or the round was given up."""

    def __init__(self, membership: Membership, batches: Iterable[Batch]) -> None:
        self.membership = membership
        self.batches = {batch.agent: batch for batch in batches}
        self.waiting = set(self.batches)
        self.folded = asyncio.Event()
        self.settled = asyncio.Event()
        self.given_up = False
        self.failure: Exception | None = None
        self.undone_by = ""
        self.doing = "its agents"
        self.fates: Counter[tuple[str, Met]] = Counter()
        self.emitted: list[Emit] = []
        self.stages: dict[str, float] = {}

    def give_up(self) -> None:
        """Stop waiting: the partitions are being taken away."""
        self.given_up = True
        self.folded.set()

    def offsets(self) -> dict[Place, int]:
        """Return the next offset to read, by place."""
        return {(part.topic, part.partition): part.records[-1].offset + 1 for part in self.slices()}

    def starts(self) -> dict[Place, int]:
        """Return the offset to read again from when the round is retried, by place."""
        return {(part.topic, part.partition): part.records[0].offset for part in self.slices()}

    @property
    def records(self) -> int:
        """How many records it holds."""
        return sum(len(part.records) for part in self.slices())

    def slices(self) -> list[Slice]:
        """Return every agent's slices."""
        return [part for batch in self.batches.values() for part in batch.slices]


class Committed(NamedTuple):
    """A round that is through: records, rows, fates by agent, what was sent; how long fold and commit took, seconds.

    `stages` = seconds of the fold by agent.
    """

    records: int
    rows: int
    fates: Counter[tuple[str, Met]]
    emitted: list[Emit]
    fold_s: float
    commit_s: float
    stages: Mapping[str, float]


class Rounds:
    """Runs one round at a time. `tables` maps (agent, partition) to that agent's tables for the partition."""

    def __init__(
        self,
        outbox: Outbox,
        metadata: Callable[[Membership], bytes],
        tables: Mapping[tuple[str, int], tuple[Table, ...]],
        limit: CrashLimit,
        on_commit: Callable[[Committed], None],
    ) -> None:
        self._outbox, self._metadata, self._tables = outbox, metadata, tables
        self._limit, self._on_commit = limit, on_commit
        self._round: Round | None = None
        self.committed_at = time.monotonic()

    @property
    def open(self) -> bool:
        """Tell whether a round is under way."""
        return self._round is not None

    @property
    def waiting(self) -> int:
        """How many records the open round holds."""
        current = self._round
        return 0 if current is None else current.records

    @property
    def doing(self) -> str:
        """What the open round waits for; "" when none is open."""
        current = self._round
        return "" if current is None else f"{current.doing}, in a round of {current.records} records"

    def give_up(self) -> None:
        """Give up the open round, unless its commit is already on its way (then it is simply waited for)."""
        if self._round is not None:
            self._round.give_up()

    async def settled(self) -> None:
        """Wait until no round is open."""
        while self._round is not None:
            await self._round.settled.wait()

    @asynccontextmanager
    async def transaction(self, batch: Batch, boundary: Boundary) -> AsyncIterator[Callable[[], None]]:
        """Let an agent work on its batch: call the value once to put the batch through the agent's step."""
        current = self._round
        if current is None or current.batches.get(batch.agent) is not batch or current.given_up:
            yield lambda: None  # left over from a round that was given up: its input comes again
            return

        def fold() -> None:
            if self._round is not current or current.given_up:  # given up since the agent came in
                return
            began = time.perf_counter()
            for part in batch.slices:
                tables = self._tables[batch.agent, part.partition]
                for met, count in boundary.apply(part, tables, current.emitted).items():
                    current.fates[batch.agent, met] += count
            current.stages[batch.agent] = time.perf_counter() - began

        try:
            yield fold
        except Exception as error:  # noqa: BLE001 - not the event's fault: `run` raises it, and the worker ends
            current.failure = error
            current.folded.set()
        current.waiting.discard(batch.agent)
        if not current.waiting:
            current.folded.set()
        await current.settled.wait()

    def open_with(self, new: Round) -> None:
        """Make it the open round, in the same turn in which the flow was looked at: `give_up` then sees it."""
        self._round = new

    async def run(self, new: Round, deliver: Callable[[Batch], None]) -> bool:
        """Take a round from begin to commit. Return False when it was undone and its input must be read again.

        Raises `Fenced`, `TooManyCrashes`, and whatever went wrong that was not an event's fault.
        """
        try:
            return await self._through(new, deliver)
        except RegistryUnavailable as unavailable:
            return await self._undone(new, "no_registry", unavailable)
        except RowUnfit as unfit:
            return await self._undone(new, "row_unfit", unfit)
        except Aborted as aborted:
            return await self._undone(new, "aborted", aborted)
        finally:
            self._round = None
            new.settled.set()

    async def _through(self, new: Round, deliver: Callable[[Batch], None]) -> bool:
        began, owned_at = time.perf_counter(), time.time()
        self._outbox.begin()
        if not new.given_up:
            for batch in new.batches.values():
                deliver(batch)
        await new.folded.wait()
        if new.given_up:
            return await self._undone(new, "given_up")  # the partitions move
        if new.failure is not None:
            raise new.failure
        records = new.records
        crashes = sum(count for (_, met), count in new.fates.items() if met.reason == Reason.CRASH)
        self._limit.check(records, crashes, time.monotonic())
        rows = sum(self._send_changes(table) for table in self._touched(new))
        folded, new.doing = time.perf_counter(), "its commit"
        commit = partial(self._outbox.commit, new.offsets(), self._metadata(new.membership))
        await asyncio.get_running_loop().run_in_executor(None, commit)
        for table in self._touched(new):
            table.commit(owned_at)
        self.committed_at = time.monotonic()
        self._limit.count(records, crashes, self.committed_at)
        committed = time.perf_counter()
        took = folded - began, committed - folded
        self._on_commit(Committed(records, rows, new.fates, new.emitted, *took, new.stages))
        return True

    async def _undone(self, new: Round, by: str, error: Exception | None = None) -> bool:
        """Leave nothing of a round; return that it is not done. What its agents are still at comes to nothing."""
        log.warning("a round is to be done again", extra={"records": new.records, "reason": by, "error": error})
        new.give_up()
        new.undone_by, new.doing = by, "its abort"
        await asyncio.get_running_loop().run_in_executor(None, self._outbox.abort)
        for tables in self._tables.values():
            for table in tables:
                table.abort()
        return False

    def _touched(self, of: Round) -> list[Table]:
        places = {(batch.agent, part.partition) for batch in of.batches.values() for part in batch.slices}
        return [table for place in places for table in self._tables[place]]

    def _send_changes(self, table: Table) -> int:
        """Send a table's changes; return how many. They land in order: the last one's place tells how far we reach."""
        changes = list(table.changes())
        for place, (key, value) in enumerate(changes, start=1):
            told = table.delivered if place == len(changes) else None
            self._outbox.send(table.changelog.name, key, value, table.partition, told)
        return len(changes)
