"""Which version scores is an event: people pin and roll back while leads come in, and a replay gives the same bytes."""

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from typer.testing import CliRunner, Result

from schemas.learning import ModelSnapshot, TrainingExample
from schemas.records import Audit
from schemas.topics import (
    AUDIT,
    LEADS_PROFILES,
    LEADS_ROUTED,
    MODEL_VERSIONS,
    MODELS,
    TOUCHPOINTS,
    TRAINING_EXAMPLES,
)
from streams.cards import USUAL, card
from streams.cli import app
from streams.domain.routing import Routing
from streams.replay import Replay, Used, learned_again
from streams.runtime.handle import BrokerHandle
from tests.conftest import REAL_KAFKA
from tests.pipeline import CODEC, PARTITIONS, ROOT, caught_up, fresh_topics, landed, produce, until
from tests.traffic import PEPPER, SNAPSHOT_KEY, raw_events

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


@pytest.fixture
def environ(broker: BrokerHandle) -> dict[str, str]:
    fresh_topics(broker.bootstrap)
    return {
        "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap,
        "LEADSTREAM_PEPPER": PEPPER.decode(),
        "LEADSTREAM_SNAPSHOT_KEY": SNAPSHOT_KEY.decode(),
        "LEADSTREAM_PARTITIONS": str(PARTITIONS),
    }


class Running:
    """A worker as people run it, which may be stopped and started."""

    def __init__(self, environ: dict[str, str], log: Path) -> None:
        self._environ, self._log = {**os.environ, **environ}, log
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "streams", "worker"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, env=self._environ, stdout=log, stderr=log)

    def stop(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)


@pytest.fixture
def worker(environ: dict[str, str], tmp_path: Path) -> Iterator[Running]:
    running = Running(environ, tmp_path / "worker.log")
    yield running
    running.stop()


def said(environ: dict[str, str], *arguments: str) -> object:
    done = CliRunner().invoke(app, ["model", *arguments, "--json"], env=environ)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def asked(environ: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(app, ["whatif", *arguments, "--json"], env=environ)


def what_if_nothing_else(environ: dict[str, str], tmp_path: Path) -> None:
    """With the card in use nothing is otherwise, and the replay is what was recorded."""
    done = asked(environ, "--since", "1d", "--card", str(USUAL), "--diff", str(tmp_path / "same.csv"))
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["decisions"] == found["as_recorded"] > 10
    assert (found["differently"], found["others"], found["stood_in"]) == (0, 0, 0)


def what_if_nobody_were_ready(environ: dict[str, str], tmp_path: Path) -> None:
    """A card that gives nobody a chance keeps leads from sales; the file holds each of them."""
    strict = USUAL.read_text().replace("at_zero: 0.05", "at_zero: 0.0000001")
    (tmp_path / "strict.yaml").write_text(strict)
    told = ("--since", "1d", "--card", str(tmp_path / "strict.yaml"), "--model", "0", "--diff", str(tmp_path / "d.csv"))
    done = asked(environ, *told)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    rows = list(csv.DictReader((tmp_path / "d.csv").read_text().splitlines()))
    assert len(rows) == found["differently"] == sum(found["routes"].values()) > 0
    assert {(row["was"], row["would"]) for row in rows} == {("sales", "nurture")}
    assert all(float(row["would_score"]) < float(row["was_score"]) for row in rows)
    none = asked(environ, "--since", "1d", "--model", "99999")
    assert (none.exit_code, "there is no model version 99999; kept are" in none.stderr) == (1, True)
    none = asked(environ, "--since", "2999-01-01", "--model", "0")
    assert (none.exit_code, "nothing was told of any lead since then" in none.stderr) == (1, True)


def done(bootstrap: str) -> bool:
    try:
        return caught_up(bootstrap)
    except KafkaException:  # there is no group before the first worker has joined it
        return False


def leaned_on(bootstrap: str) -> list[int]:
    found = [one.record for one in landed(bootstrap, AUDIT)]
    return [it.leaned_on for it in found if isinstance(it, Audit) and it.agent == "qualify"]


def test_a_replay_uses_the_version_that_scored_across_a_pin_a_restart_and_a_rollback(
    broker: BrokerHandle, environ: dict[str, str], worker: Running, tmp_path: Path
) -> None:
    bootstrap, log = broker.bootstrap, list(raw_events(900))

    def told(part: int) -> None:
        produce(bootstrap, log[part * len(log) // 4 : (part + 1) * len(log) // 4])
        until(lambda: done(bootstrap), timeout_s=120)

    told(0)
    told(1)
    versions = said(environ, "list")
    assert isinstance(versions, list)
    assert len(versions) > 2
    pinned = versions[2]["version"]
    said(environ, "pin", str(pinned), "--why", "a test")
    worker.stop()
    worker.start()
    told(2)
    slices = leaned_on(bootstrap)
    assert slices[-1] == pinned
    back = said(environ, "rollback")
    assert isinstance(back, dict)
    assert back["version"] < pinned == back["was"]
    told(3)
    assert leaned_on(bootstrap)[-1] == back["version"]
    assert max(leaned_on(bootstrap)) >= pinned
    (decisions, rows), (decided, there) = replayed(bootstrap), recorded(bootstrap)
    assert decisions == decided
    assert {at: rows.get(at) for at in there} == there
    if broker.kind in REAL_KAFKA:  # readers of the embedded one may miss records
        assert rows.keys() == there.keys()
    what_if_nothing_else(environ, tmp_path)
    what_if_nobody_were_ready(environ, tmp_path)


def recorded(bootstrap: str) -> tuple[list[bytes | None], dict[tuple[str, int, str], bytes | None]]:
    decisions = [one.value for one in landed(bootstrap, LEADS_ROUTED)]
    rows = {(LEADS_PROFILES.name, one.partition, one.key): one.value for one in landed(bootstrap, LEADS_PROFILES)}
    return decisions, {at: value for at, value in rows.items() if value is not None}


def replayed(bootstrap: str) -> tuple[list[bytes | None], dict[tuple[str, int, str], bytes | None]]:
    used = Used(it for one in landed(bootstrap, AUDIT) if isinstance(it := one.record, Audit))
    models = [one.record for topic in (MODELS, MODEL_VERSIONS) for one in landed(bootstrap, topic)]
    kept = {it.version: it for it in models if isinstance(it, ModelSnapshot)}
    told = [it for one in landed(bootstrap, TRAINING_EXAMPLES) if isinstance(it := one.record, TrainingExample)]
    again = learned_again(told, {*kept, *used.versions()}, SNAPSHOT_KEY)
    assert {version: again[version] for version in kept} == kept
    replay = Replay(again, card(), Routing(), PARTITIONS)
    decisions: list[bytes | None] = []
    for one in landed(bootstrap, TOUCHPOINTS):
        emits = replay.apply(one.partition, one.key, one.record, used.version(one.partition, one.offset))
        decisions += [CODEC.encode(emit.record) for emit in emits if emit.topic == LEADS_ROUTED]
    assert not replay.stood_in
    assert len(used.versions()) > 2
    rows = replay.fold.rows.items()
    return decisions, {at: CODEC.encode(row) for at, row in rows if at[0] == LEADS_PROFILES.name}
