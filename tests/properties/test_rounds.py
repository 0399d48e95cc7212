"""Whatever a round meets, and whenever it is given up: state is the fold of the rounds that committed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.letters import LARGEST
from schemas.records import Record, Visitor
from schemas.rejected import Reason
from schemas.step import Agent, Applied, States
from schemas.topics import VISITORS, Emit
from streams.engine.boundary import Batch, Boundary, Met, Slice
from streams.engine.limits import CrashLimit
from streams.engine.offsets import Place
from streams.engine.outbox import Aborted, Fenced, Outbox
from streams.engine.rounds import Committed, Membership, Round, Rounds
from streams.engine.store import MemoryStore
from streams.engine.table import Table
from tests.pipeline import CODEC

PARTITIONS = 2
NEVER = 1_000
MEMBER = Membership(1, "m")
OUT = VISITORS._replace(name="out")


class Fate(StrEnum):
    """What becomes of a commit."""

    COMMITS = "commits"
    ABORTS = "aborts"
    FENCED = "fenced"
    BREAKS = "breaks"


class Plan(NamedTuple):
    """One round: what it brings by agent and partition, and what it meets."""

    values: dict[tuple[str, int], list[tuple[str, int]]]
    fate: Fate
    given_up_after: int  # turns of the event loop
    send_fails_at: int
    slow: dict[str, int]  # turns that an agent takes before it folds


class Script:
    """An outbox that keeps what commits, and fails as it is told."""

    def __init__(self) -> None:
        self.plan = Plan({}, Fate.COMMITS, NEVER, NEVER, {})
        self.committed: list[tuple[str, bytes | None, bytes | None]] = []
        self.offsets: dict[Place, int] = {}
        self._sent: list[tuple[str, bytes | None, bytes | None]] = []
        self._open = False

    def begin(self) -> None:
        assert not self._open, "the last transaction is still open"
        self._open, self._sent = True, []

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int = -1,  # noqa: ARG002 - the outbox's
        delivered: Callable[[int], None] | None = None,
    ) -> None:
        assert self._open, "sent outside of a transaction"
        if len(self._sent) == self.plan.send_fails_at:
            raise Aborted("the transaction has failed")
        self._sent.append((topic, key, value))
        if delivered:
            delivered(len(self.committed) + len(self._sent))

    def commit(self, offsets: Mapping[Place, int], group_metadata: bytes) -> None:
        assert group_metadata == b"1 m"
        if self.plan.fate is Fate.FENCED:
            raise Fenced("another has it")
        if self.plan.fate is Fate.BREAKS:
            raise OSError("nobody foresaw this")
        if self.plan.fate is Fate.ABORTS:
            self.abort()
            raise Aborted("again")
        self.committed += self._sent
        self.offsets |= offsets
        self._open = False

    def abort(self) -> None:
        self._open, self._sent = False, []


class Inline(ThreadPoolExecutor):
    """Does at once what a thread would do, so that turns of the event loop are the only time there is."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(work(*args, **named))
        except Exception as error:  # noqa: BLE001 - as a thread would hand it over
            done.set_exception(error)
        return done


def add(states: States, record: Record) -> Applied:
    """Add up a visitor's values, and tell each sum."""
    old, new = cast("Visitor | None", states[0]), cast("Visitor", record)
    total = Visitor(visitor_id=new.visitor_id, lead_id="", at=new.at + (old.at if old else 0.0))
    return Applied((total,), (Emit(OUT, new.visitor_id, total),), "applied")


def agent(name: str) -> Agent:
    inputs, tables = (VISITORS._replace(name=f"in.{name}"),), (VISITORS._replace(name=f"state.{name}"),)
    return Agent(name, inputs, tables, lambda record: (cast("Visitor", record).visitor_id,), add, keyed=False)


AGENTS = (agent("a"), agent("b"))
places = st.tuples(st.sampled_from([it.name for it in AGENTS]), st.integers(0, PARTITIONS - 1))
values = st.lists(st.tuples(st.sampled_from("xyz"), st.integers(1, 9)), min_size=1, max_size=4)
turns = st.integers(0, 6)
plans = st.builds(
    Plan,
    st.dictionaries(places, values, min_size=1),
    st.sampled_from([Fate.COMMITS] * 4 + [Fate.ABORTS] * 2 + [Fate.FENCED, Fate.BREAKS]),
    turns | st.just(NEVER),
    st.integers(0, 12) | st.just(NEVER),
    st.dictionaries(st.sampled_from("ab"), turns),
)


@dataclass
class Raw:
    """A consumed record."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


class Bench:
    """A worker's rounds with some agents, over the scripted outbox, and the fold it must agree with."""

    def __init__(self, agents: Sequence[Agent] = AGENTS) -> None:
        self.script, self.told = Script(), list[Committed]()
        outbox = cast("Outbox", self.script)
        self.boundaries = {it.name: Boundary(it, CODEC, outbox, PARTITIONS) for it in agents}
        self.tables = {
            (it.name, partition): (Table(it.tables[0], partition, MemoryStore(), CODEC),)
            for it in agents
            for partition in range(PARTITIONS)
        }
        self.rounds = Rounds(outbox, lambda m: f"{m[0]} {m[1]}".encode(), self.tables, CrashLimit(), self.told.append)
        self.queues: dict[str, asyncio.Queue[Batch]] = {it.name: asyncio.Queue() for it in agents}
        self.offset = 0
        self.sums: dict[tuple[str, int, str], float] = {}

    async def work(self, name: str) -> None:
        while True:
            batch = await self.queues[name].get()
            async with self.rounds.transaction(batch, self.boundaries[name]) as fold:
                for _ in range(self.script.plan.slow.get(name, 0)):
                    await asyncio.sleep(0)
                fold()

    async def meet(self, plan: Plan) -> bool:
        """Take one round through what it meets; return whether it is done."""
        self.script.plan = plan
        slices: dict[str, list[Slice]] = {}
        for (name, partition), brought in plan.values.items():
            raws = [
                Raw(self.offset + number, 0, b"", CODEC.encode(Visitor(visitor_id=key, lead_id="", at=float(value))))
                for number, (key, value) in enumerate(brought)
            ]
            slices.setdefault(name, []).append(Slice(f"in.{name}", partition, raws))
            self.offset += len(raws)
        current = Round(MEMBER, [Batch(name, tuple(parts)) for name, parts in slices.items()])
        self.rounds.open_with(current)
        giving_up = asyncio.create_task(self._give_up(plan.given_up_after))
        try:
            return await asyncio.wait_for(
                self.rounds.run(current, lambda batch: self.queues[batch.agent].put_nowait(batch)), timeout=10
            )
        finally:
            giving_up.cancel()
            await asyncio.wait_for(self.rounds.settled(), timeout=10)

    async def _give_up(self, after: int) -> None:
        if after < NEVER:
            for _ in range(after):
                await asyncio.sleep(0)
            self.rounds.give_up()

    def count(self, plan: Plan) -> None:
        for (name, partition), brought in plan.values.items():
            for key, value in brought:
                self.sums[name, partition, key] = self.sums.get((name, partition, key), 0.0) + value

    def stored(self) -> dict[tuple[str, int, str], float]:
        return {
            (name, partition, key.decode()): cast("Visitor", CODEC.decode(value, VISITORS.records)).at
            for (name, partition), (table,) in self.tables.items()
            for key, value in table.store.items()
        }

    def seen(self) -> dict[tuple[str, int, str], float]:
        """What the agents would read next: no row that is in no commit."""
        rows = {
            (name, partition, key): table.get(key)
            for (name, partition), (table,) in self.tables.items()
            for key in "xyz"
        }
        return {place: cast("Visitor", row).at for place, row in rows.items() if row is not None}


@asynccontextmanager
async def at_work(agents: Sequence[Agent] = AGENTS) -> AsyncIterator[Bench]:
    asyncio.get_running_loop().set_default_executor(Inline())
    bench = Bench(agents)
    working = [asyncio.create_task(bench.work(it.name)) for it in agents]
    try:
        yield bench
    finally:
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)


async def follow(story: list[Plan]) -> None:
    sent = 0
    async with at_work() as bench:
        for plan in story:
            try:
                done = await bench.meet(plan)
            except (Fenced, OSError):  # the process ends here; what it leaves is what had committed
                assert plan.fate in (Fate.FENCED, Fate.BREAKS)
                assert bench.stored() == bench.sums
                return
            if done:
                assert plan.fate is Fate.COMMITS
                bench.count(plan)
                sent += sum(len(brought) for brought in plan.values.values())
            assert bench.stored() == bench.sums
            assert bench.seen() == bench.sums
            assert sum(topic == OUT.name for topic, _, _ in bench.script.committed) == sent
            assert sum(one.records for one in bench.told) == sent


@settings(max_examples=150)
@given(st.lists(plans, min_size=1, max_size=6))
def test_state_is_the_fold_of_the_rounds_that_committed(story: list[Plan]) -> None:
    asyncio.run(follow(story))


def swell(states: States, record: Record) -> Applied:
    """Make a row so many characters longer as its record says."""
    old, new = cast("Visitor | None", states[0]), cast("Visitor", record)
    longer = (old.lead_id if old else "") + "x" * int(new.at)
    return Applied((Visitor(visitor_id=new.visitor_id, lead_id=longer, at=1.0),), (), "applied")


def test_the_record_that_makes_a_row_too_large_is_buried_and_stops_nobody() -> None:
    swelling = agent("a")._replace(step=swell)
    third = [("x", LARGEST // 2), ("x", LARGEST // 3), ("x", LARGEST // 3), ("y", 7)]
    plan = Plan({("a", 0): third}, Fate.COMMITS, NEVER, NEVER, {})

    async def play() -> None:
        async with at_work([swelling]) as bench:
            (table,) = bench.tables["a", 0]
            assert not await bench.meet(plan)  # only its close shows the size
            assert (table.careful, bench.script.committed) == (True, [])
            assert await bench.meet(plan)
            assert bench.told[0].fates == {
                ("a", Met("applied")): 3,
                ("a", Met("dead_letter", Reason.INVALID_VALUE)): 1,
            }
            rows = {key: len(cast("Visitor", table.get(key)).lead_id) for key in "xy"}
            assert rows == {"x": LARGEST // 2 + LARGEST // 3, "y": 7}
            assert not table.careful

    asyncio.run(play())
