"""Static members: a worker that is back in time finds its partitions as it left them, and no other has noticed."""

import signal
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from streams.engine.exits import Exit
from streams.runtime.handle import BrokerHandle
from tests.pipeline import PARTITIONS, Worker, caught_up, fresh_topics, handled, produce, until
from tests.reference import differences, everything, folded
from tests.traffic import raw_events
from tests.worker import pipeline

pytestmark = [pytest.mark.integration, pytest.mark.needs("real_kafka"), pytest.mark.timeout(300)]
ALL = sum(topic.partitions or PARTITIONS for agent in pipeline() for topic in agent.inputs)


def _further(bootstrap: str, done: int) -> bool:
    return handled(bootstrap) > done


def _shares(worker: Worker) -> int:
    """Return how often it came to own some of the partitions and not all."""
    return sum(0 < it.partitions < ALL for it in worker.owned)


def _has_shared(worker: Worker, times: int) -> bool:
    return _shares(worker) >= times


def test_a_rolling_restart_moves_no_partition(broker: BrokerHandle, tmp_path: Path) -> None:
    fresh_topics(broker.bootstrap)
    workers = [Worker(broker.bootstrap, f"w{number}", tmp_path / f"w{number}.log", static=True) for number in range(2)]
    traffic = list(raw_events(8_000))
    ended = threading.Event()

    def load() -> None:
        for begin in range(0, len(traffic), 100):
            produce(broker.bootstrap, traffic[begin : begin + 100])
            ended.wait(0.2)

    loading = threading.Thread(target=load)
    try:
        for worker in workers:
            worker.start()
        until(lambda: all(map(_shares, workers)))
        loading.start()
        before = [len(worker.owned) for worker in workers]
        for worker, other in (workers, workers[::-1]):
            done = handled(broker.bootstrap)
            until(partial(_further, broker.bootstrap, done))
            mine, others = _shares(worker), len(other.owned)
            worker.send(signal.SIGTERM)
            assert worker.wait() == 0, worker.said[-2000:]
            worker.start()
            until(partial(_has_shared, worker, mine + 1))
            assert len(other.owned) == others, "the other worker kept its own, and went on"
        assert [len(worker.owned) for worker in workers] == [count + 1 for count in before]
        ended.set()
        loading.join()
        until(lambda: handled(broker.bootstrap) >= len(traffic), timeout_s=90)
        until(lambda: caught_up(broker.bootstrap))
    finally:
        ended.set()
        for worker in workers:
            worker.kill()
    assert handled(broker.bootstrap) == len(traffic)
    log = everything(broker.bootstrap)
    assert differences(log, folded(log)) == []


def test_of_two_workers_with_one_name_the_older_ends(broker: BrokerHandle, tmp_path: Path) -> None:
    fresh_topics(broker.bootstrap)
    older, newer = (Worker(broker.bootstrap, "twin", tmp_path / f"{name}.log", static=True) for name in ("old", "new"))
    try:
        older.start()
        until(lambda: [it.partitions for it in older.owned] == [ALL])
        newer.start()
        until(lambda: [it.partitions for it in newer.owned] == [ALL])
        assert older.wait() == Exit.FENCED, "idle as it is: a heartbeat tells it"
        time.sleep(12.0)  # more than a heartbeat
        assert len(newer.owned) == 1
        accepted = produce(broker.bootstrap, raw_events(200))
        until(lambda: handled(broker.bootstrap) == accepted)
    finally:
        older.kill()
        newer.kill()
