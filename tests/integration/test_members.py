"""Workers that come, go, and come back from the dead: one owner for each partition, and the broker sees to it."""

import signal
import time
from pathlib import Path

import pytest

from streams.engine.exits import Exit
from streams.runtime.handle import BrokerHandle
from tests.pipeline import Worker, caught_up, fresh_topics, handled, produce, until
from tests.reference import differences, everything, folded
from tests.traffic import raw_events

pytestmark = [pytest.mark.integration, pytest.mark.needs("real_kafka"), pytest.mark.timeout(300)]


def test_workers_may_join_and_leave_under_load(broker: BrokerHandle, tmp_path: Path) -> None:
    fresh_topics(broker.bootstrap)
    workers = [Worker(broker.bootstrap, f"w{number}", tmp_path / f"w{number}.log") for number in range(2)]
    traffic = list(raw_events(8_000))
    step = len(traffic) // 4
    try:
        produce(broker.bootstrap, traffic[:step])
        workers[0].start()
        until(lambda: handled(broker.bootstrap) > 0)
        produce(broker.bootstrap, traffic[step : 2 * step])
        workers[1].start()
        until(lambda: "own 10 partitions" in workers[1].said)  # half of five topics with four each
        produce(broker.bootstrap, traffic[2 * step : 3 * step])
        workers[0].send(signal.SIGTERM)
        assert workers[0].wait() == 0, workers[0].said[-2000:]
        produce(broker.bootstrap, traffic[3 * step :])
        until(lambda: handled(broker.bootstrap) >= len(traffic), timeout_s=90)
        until(lambda: caught_up(broker.bootstrap))
    finally:
        for worker in workers:
            worker.kill()
    assert handled(broker.bootstrap) == len(traffic)
    log = everything(broker.bootstrap)
    assert differences(log, folded(log)) == []


def test_a_worker_back_from_the_dead_cannot_commit(broker: BrokerHandle, tmp_path: Path) -> None:
    fresh_topics(broker.bootstrap)
    zombie, heir = (Worker(broker.bootstrap, name, tmp_path / f"{name}.log") for name in ("zombie", "heir"))
    traffic = list(raw_events(6_000))
    try:
        produce(broker.bootstrap, traffic[:2000])
        zombie.start()
        until(lambda: handled(broker.bootstrap) > 0)
        produce(broker.bootstrap, traffic[2000:])
        zombie.send(signal.SIGSTOP)
        heir.start()
        until(lambda: handled(broker.bootstrap) >= len(traffic), timeout_s=90)  # past the session and its transaction
        zombie.send(signal.SIGCONT)
        time.sleep(5.0)
        until(lambda: caught_up(broker.bootstrap))
    finally:
        zombie.kill()
        heir.kill()
    assert handled(broker.bootstrap) == len(traffic)
    log = everything(broker.bootstrap)
    assert differences(log, folded(log)) == []
    if "worker leaves" in zombie.said:  # it was stopped inside a round; else it simply joins again
        assert f"exit code {Exit.FENCED}" in zombie.said
