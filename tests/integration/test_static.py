"""Static members: a worker that is back in time finds its partitions as it left them, and no other has noticed."""

import signal
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from streams.engine.exits import Exit
from streams.runtime.handle import BrokerHandle
from tests.pipeline import Worker, caught_up, fresh_topics, handled, produce, until
from tests.reference import differences, everything, folded
from tests.traffic import raw_events

pytestmark = [pytest.mark.integration, pytest.mark.needs("real_kafka"), pytest.mark.timeout(300)]
OWN, HALF, ALL = "own ", "own 1", "own 21 "  # of 21 partitions one worker of two has 10, the other 11


def _further(bootstrap: str, done: int) -> bool:
    return handled(bootstrap) > done


def _says(worker: Worker, words: str, times: int) -> bool:
    return worker.said.count(words) >= times


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
        until(lambda: all(HALF in worker.said for worker in workers))
        loading.start()
        before = [worker.said.count(OWN) for worker in workers]
        for worker, other in (workers, workers[::-1]):
            done = handled(broker.bootstrap)
            until(partial(_further, broker.bootstrap, done))
            mine, others = worker.said.count(HALF), other.said.count(OWN)
            worker.send(signal.SIGTERM)
            assert worker.wait() == 0, worker.said[-2000:]
            worker.start()
            until(partial(_says, worker, HALF, mine + 1))
            assert other.said.count(OWN) == others, "the other worker kept its own, and went on"
        assert [worker.said.count(OWN) for worker in workers] == [count + 1 for count in before]
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
        until(lambda: ALL in older.said)
        newer.start()
        until(lambda: ALL in newer.said)
        assert older.wait() == Exit.FENCED, "idle as it is: a heartbeat tells it"
        time.sleep(12.0)  # more than a heartbeat
        assert newer.said.count(OWN) == 1
        accepted = produce(broker.bootstrap, raw_events(200))
        until(lambda: handled(broker.bootstrap) == accepted)
    finally:
        older.kill()
        newer.kill()
