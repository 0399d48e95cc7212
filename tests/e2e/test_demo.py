"""The story as a newcomer sees it: one command, everything starts, leads are routed, nothing is lost."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streams.runtime.handle import BrokerHandle
from tests.pipeline import fresh_topics

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
COMMAND = (sys.executable, "-m", "streams", "demo", "--broker", "embedded")
EVENTS = 600


def test_the_demo_routes_leads_and_accounts_for_every_event(repository: Path) -> None:
    done = subprocess.run(
        (*COMMAND, "--events", str(EVENTS), "--json"), cwd=repository, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["lost"] == 0
    assert 0.9 * EVENTS <= found["sent"] <= 1.15 * EVENTS + 30
    assert found["sent"] == found["accepted"] + sum(found["refused"].values())
    dead = sum(found["dead_lettered"].values())
    ended = found["applied"] + found["deduplicated"] + found["consent_dropped"] + found["test"]
    ended += found["quarantined"]
    assert ended + dead == found["accepted"]
    assert found["deduplicated"] > 0
    assert found["dead_lettered"].keys() >= {"future", "ancient"}
    assert found["delivered"] == found["routed"] >= found["leads"] * 0.8 > 0
    assert found["training_examples"] > 0
    assert found["model_version"] > 0
    assert 0 < found["p50_ms"] <= found["p99_ms"]
    assert found["broker"].startswith("embedded dev broker")


@pytest.mark.needs("real_kafka")
def test_the_demo_runs_on_a_given_kafka(broker: BrokerHandle, repository: Path) -> None:
    fresh_topics(broker.bootstrap)
    command = (*COMMAND[:-1], broker.bootstrap, "--events", str(EVENTS), "--json")
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["lost"] == 0
    assert found["delivered"] == found["routed"] > 0
    assert broker.bootstrap in found["broker"]


def test_interrupting_the_demo_leaves_nothing_running(repository: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    with said.open("w") as out:
        running = subprocess.Popen(
            COMMAND,
            cwd=repository,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )
        deadline = time.monotonic() + 60
        while "routed" not in said.read_text() and time.monotonic() < deadline:
            time.sleep(0.1)
        running.send_signal(signal.SIGINT)
        assert running.wait(40) == 130, said.read_text()[-2000:]
    assert "Stopped." in said.read_text()
    assert list(tmp_path.glob("leadstream-*")) == []


def test_a_file_that_cannot_be_replayed_is_refused_before_anything_starts(repository: Path) -> None:
    done = subprocess.run(
        (*COMMAND, "--data", "pyproject.toml"), cwd=repository, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "--data" in done.stderr
    assert "Online Shoppers" in done.stderr
    assert "broker" not in done.stdout
