"""A worker killed with SIGKILL, again and again: nothing is lost or decided twice, and state equals the log."""

import random
import time
from functools import partial
from pathlib import Path

import pytest

from schemas.topics import LEADS_ROUTED
from streams.runtime.handle import BrokerHandle
from tests.pipeline import Worker, caught_up, fresh_topics, handled, landed, produce, until
from tests.reference import differences, everything, folded
from tests.traffic import raw_events

pytestmark = [pytest.mark.integration, pytest.mark.needs("real_kafka"), pytest.mark.timeout(300)]
EVENTS = 6_000
KILLS = 6


def _further(bootstrap: str, done: int) -> bool:
    return handled(bootstrap) > done


@pytest.mark.parametrize("state", ["memory", "rocksdb"])
def test_a_killed_worker_loses_nothing_and_decides_nothing_twice(
    broker: BrokerHandle, tmp_path: Path, state: str
) -> None:
    fresh_topics(broker.bootstrap)
    accepted = produce(broker.bootstrap, raw_events(EVENTS))
    worker = Worker(
        broker.bootstrap, "w0", tmp_path / "worker.log", state_dir="" if state == "memory" else str(tmp_path)
    )
    rng = random.Random(11)
    worker.start()
    try:
        for _ in range(KILLS):
            done = handled(broker.bootstrap)
            until(partial(_further, broker.bootstrap, min(done, accepted - 1)), every_s=0.05)
            time.sleep(rng.uniform(0.0, 0.4))
            worker.kill()
            worker.start()
        until(lambda: handled(broker.bootstrap) >= accepted, timeout_s=120)
        until(lambda: caught_up(broker.bootstrap))
    finally:
        worker.kill()
    log = everything(broker.bootstrap)
    assert handled(broker.bootstrap) == accepted, "the audit is exact, kills or no kills"
    assert differences(log, folded(log)) == []
    decisions = [one.record.decision_id for one in landed(broker.bootstrap, LEADS_ROUTED)]  # type: ignore[attr-defined]
    assert len(decisions) == len(set(decisions)) > 0
