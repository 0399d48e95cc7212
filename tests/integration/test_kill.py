"""A worker killed with SIGKILL, again and again: nothing is lost or decided twice, and state equals the log."""

import random
import time
from functools import partial
from pathlib import Path

import pytest

from schemas.topics import AUDIT, LEADS_ROUTED
from streams.runtime.handle import BrokerHandle
from tests.pipeline import Worker, fresh_topics, landed, produce, until
from tests.reference import differences, folded, unfinished
from tests.traffic import raw_events

pytestmark = [pytest.mark.integration, pytest.mark.needs("real_kafka"), pytest.mark.timeout(300)]
EVENTS = 6_000
KILLS = 6


def _passed(bootstrap: str) -> int:
    return sum(
        tally.count
        for one in landed(bootstrap, AUDIT)
        for tally in one.record.tallies  # type: ignore[attr-defined]
        if one.record.agent == "resolve" and tally.fate != "rekeyed"  # type: ignore[attr-defined]
    )


def _further(bootstrap: str, done: int) -> bool:
    return _passed(bootstrap) > done


def _quiet(bootstrap: str) -> bool:
    """Tell whether nothing is added any more."""
    before = len(landed(bootstrap, AUDIT))
    time.sleep(2.0)
    return len(landed(bootstrap, AUDIT)) == before


def test_a_killed_worker_loses_nothing_and_decides_nothing_twice(broker: BrokerHandle, tmp_path: Path) -> None:
    fresh_topics(broker.bootstrap)
    accepted = produce(broker.bootstrap, raw_events(EVENTS))
    worker = Worker(broker.bootstrap, "w0", tmp_path / "worker.log")
    rng = random.Random(11)
    worker.start()
    try:
        for _ in range(KILLS):
            done = _passed(broker.bootstrap)
            until(partial(_further, broker.bootstrap, min(done, accepted - 1)), every_s=0.05)
            time.sleep(rng.uniform(0.0, 0.4))
            worker.kill()
            worker.start()
        until(lambda: _passed(broker.bootstrap) >= accepted, timeout_s=120)
        until(lambda: _quiet(broker.bootstrap), timeout_s=60)
    finally:
        worker.kill()
    folds = folded(broker.bootstrap)
    assert unfinished(broker.bootstrap, folds, accepted) == 0
    assert _passed(broker.bootstrap) == accepted, "the audit is exact, kills or no kills"
    assert differences(broker.bootstrap, folds) == []
    decisions = [one.record.decision_id for one in landed(broker.bootstrap, LEADS_ROUTED)]  # type: ignore[attr-defined]
    assert len(decisions) == len(set(decisions)) > 0
