"""A broker that stops answering costs a worker a bounded amount of memory, and nothing else."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from streams.engine.exits import Exit
from streams.runtime.handle import BrokerHandle
from streams.runtime.process import Process
from tests.pipeline import Worker, caught_up, fresh_topics, handled, produce, until
from tests.reference import differences, everything, folded
from tests.traffic import raw_events

pytestmark = [pytest.mark.integration, pytest.mark.needs("real_kafka", "ours"), pytest.mark.timeout(300)]
ROOM = 128 * 1024 * 1024  # the outbox's queue, and what the consumer has fetched ahead
STALL_S = 20.0  # longer than a transaction may be open


def resident(pid: int) -> int:
    """Return a process's resident memory in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def tell(broker: BrokerHandle, number: signal.Signals) -> None:
    """Send every node a signal."""
    for node in broker.nodes:
        assert isinstance(node, Process)
        assert node.pid is not None
        os.kill(node.pid, number)


def tended(worker: Worker) -> bool:
    """Start a worker again that has ended as it should: its transaction was open for longer than the broker allows."""
    if not worker.running:
        assert worker.wait() == Exit.FENCED, worker.said[-2000:]
        worker.start()
    return True


def test_a_stalled_broker_costs_bounded_memory_and_no_event(broker: BrokerHandle, tmp_path: Path) -> None:
    fresh_topics(broker.bootstrap)
    accepted = produce(broker.bootstrap, raw_events(12_000))
    worker = Worker(broker.bootstrap, "w0", tmp_path / "worker.log")
    worker.start()
    try:
        until(lambda: handled(broker.bootstrap) > 0)
        before = resident(worker.pid)
        tell(broker, signal.SIGSTOP)
        highest, ends_at = before, time.monotonic() + STALL_S
        try:
            while time.monotonic() < ends_at:
                highest = max(highest, resident(worker.pid))
                time.sleep(0.2)
        finally:
            tell(broker, signal.SIGCONT)
        assert "the broker does not answer" in worker.said, "it was still at work when the broker stalled"
        assert highest - before < ROOM
        until(lambda: tended(worker) and handled(broker.bootstrap) >= accepted, timeout_s=120)
        until(lambda: tended(worker) and caught_up(broker.bootstrap), timeout_s=120)
    finally:
        worker.kill()
        sys.stdout.write(worker.said[-8000:])  # seen when it fails
    assert handled(broker.bootstrap) == accepted
    log = everything(broker.bootstrap)
    assert differences(log, folded(log)) == []
