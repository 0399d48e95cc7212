"""What a worker tells of its rounds: size, commits, what they changed, what was undone, what was restored."""

import asyncio
import time
from collections import Counter
from types import SimpleNamespace
from typing import Any

from prometheus_client import REGISTRY

from streams.engine.boundary import Batch, Met, Slice
from streams.engine.config import Config
from streams.engine.host import Host
from streams.engine.rounds import Committed, Membership, Round
from tests.pipeline import CODEC
from tests.worker import pipeline

RESOLVED = Counter({("resolve", Met("resolved")): 90})
FATES = {"stage": "resolve", "fate": "resolved", "reason": ""}


def told(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"leadstream_{name}", labels) or 0.0


def host() -> Host:
    return Host(Config({"bootstrap.servers": "127.0.0.1:1", "log_level": 0}), pipeline(), CODEC)


def test_a_committed_round_is_told_of_in_size_time_and_rows() -> None:
    names = ("round_records_sum", "round_rows_sum", "fold_seconds_sum", "commit_seconds_sum", "commit_seconds_count")
    before = [told(name) for name in names]
    fates, committed = told("stage_events_total", **FATES), told("rounds_total", outcome="committed")
    host()._on_commit(Committed(50, 7, Counter({("resolve", Met("resolved")): 50}), [], 0.5, 0.25, {"resolve": 0.5}))
    assert [told(name) - was for name, was in zip(names, before, strict=True)] == [50.0, 7.0, 0.5, 0.25, 1.0]
    assert told("stage_events_total", **FATES) == fates + 50
    assert told("rounds_total", outcome="committed") == committed + 1


def test_what_nobody_waits_for_sets_its_own_pace_and_no_other() -> None:
    made, alone = host(), host()
    for one in (made, alone):
        one._on_commit(Committed(90, 7, RESOLVED, [], 0.009, 0.01, {"resolve": 0.009}))
    both = Counter({**RESOLVED, ("learn", Met("learned")): 10})
    made._on_commit(Committed(100, 7, both, [], 0.109, 0.01, {"resolve": 0.009, "learn": 0.1}))
    alone._on_commit(Committed(90, 7, RESOLVED, [], 0.009, 0.01, {"resolve": 0.009}))
    assert made.pace.limit == alone.pace.limit
    assert (made.waits("training.examples"), made.waits("events.web")) == (False, True)
    assert made.pace.background(time.monotonic(), alone=False) == 0
    assert made.pace.background(time.monotonic(), alone=True) == 20


def test_rounds_grow_again_also_where_nobody_waits() -> None:
    made = host()
    made.pace.undone(2)
    assert (made.pace.limit, made.pace.background(time.monotonic(), alone=True)) == (1, 1)
    for _ in range(3):
        made._on_commit(Committed(1, 1, Counter({("learn", Met("learned")): 1}), [], 0.01, 0.01, {"learn": 0.01}))
    assert made.pace.limit == 8


def test_a_round_that_was_undone_is_counted_by_why() -> None:
    async def scenario() -> None:
        made: Any = host()

        async def run(new: Round, _deliver: object) -> bool:
            new.undone_by = "aborted"
            return False

        made.rounds.run = run
        raw: Any = SimpleNamespace(offset=0)
        await made.run(Round(Membership(1, "m"), [Batch("resolve", (Slice("events.web", 0, [raw]),))]), print)

    before = told("rounds_total", outcome="aborted")
    asyncio.run(scenario())
    assert told("rounds_total", outcome="aborted") == before + 1


def test_a_restore_is_told_of_in_number_records_and_time() -> None:
    names = ("rebalances_total", "restored_records_total", "restore_seconds_count")
    before = [told(name) for name in names]

    async def scenario() -> None:
        made: Any = host()
        made._restore = lambda *_: ({}, 11)
        await made.restore(set(), Membership(1, "m"))

    asyncio.run(scenario())
    assert [told(name) - was for name, was in zip(names, before, strict=True)] == [1.0, 11.0, 1.0]
