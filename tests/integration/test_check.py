"""The doctor on real servers: it says what is well, what is not, and what to do."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from connectors import kafka
from connectors.settings import Connection
from streams.cli import app
from streams.runtime.broker import start_broker
from streams.runtime.handle import BrokerHandle, RedisHandle
from streams.runtime.process import free_port
from streams.runtime.provider import Wish
from tests.wires import connected

SCREEN = 24  # lines


def check(environ: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(app, ["check", "--json", *arguments], env=environ)


def complete(broker: BrokerHandle, redis_server: RedisHandle) -> dict[str, str]:
    """Everything that all processes need."""
    return connected(broker) | {
        "REDIS_URL": redis_server.url,
        "LEADSTREAM_SINK": "memory",
        "LEADSTREAM_PEPPER": "0123456789abcdef",
        "LEADSTREAM_SNAPSHOT_KEY": "0123456789abcdef",
    }


def wrong(said: Result) -> dict[str, str]:
    """What was found wrong, by subject."""
    return {finding["subject"]: finding["wrong"] for finding in json.loads(said.stdout) if finding["wrong"]}


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[BrokerHandle]:
    """A broker with our topics, for which nobody has worked yet."""
    broker = start_broker(Wish(tmp_path), "embedded")
    kafka.ensure(Connection.read(connected(broker)))
    yield broker
    broker.stop()


def test_an_installation_that_is_well_is_told_so(fresh: BrokerHandle, redis_server: RedisHandle) -> None:
    said = check(complete(fresh, redis_server))
    assert wrong(said) == {}
    assert said.exit_code == 0
    subjects = [finding["subject"] for finding in json.loads(said.stdout)]
    assert [it for it in subjects if it in ("broker", "topics", "schemas", "redis")] == [
        "broker",
        "topics",
        "schemas",
        "redis",
    ]
    assert subjects[-2:] == ["dead letters", "model"]


def test_each_fault_is_told_with_its_remedy_and_none_hides_another(
    broker: BrokerHandle, redis_server: RedisHandle
) -> None:
    environ = complete(broker, redis_server) | {
        "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
        "LEADSTREAM_PARTITIONS": "5",
        "LEADSTREAM_PEPPER": "short",
        "LEADSTREAM_SINK": "carrier-pigeon",
    }
    said = check(environ)
    found = wrong(said)
    assert said.exit_code == 1
    assert "LEADSTREAM_PEPPER is wrong" in found["settings of collector, worker"]
    assert "set it to one of webhook, memory" in found["settings of relay"]
    assert "instead of 5; set LEADSTREAM_PARTITIONS=" in found["topics"]
    assert "REDIS_URL does not answer" in found["redis"]


def test_what_is_wrong_with_an_installation_that_nobody_has_set_up_is_told_in_one_screen() -> None:
    names = ("KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL", "LEADSTREAM_PEPPER", "LEADSTREAM_SNAPSHOT_KEY")
    said = CliRunner().invoke(app, ["check"], env=dict.fromkeys(names))
    told = [line for line in said.stdout.splitlines() if line.startswith("WRONG")]
    assert [sum(name in line for line in told) for name in names] == [1, 1, 1, 1]
    assert "settings of collector, worker, relay, view: KAFKA_BOOTSTRAP_SERVERS is not set" in told[0]
    assert len(said.stdout.splitlines()) <= SCREEN


def test_a_setting_whose_name_is_misspelt_is_wrong_beside_what_else_is() -> None:
    said = check({"KAFKA_BOOTSTRAP_SERVERS": "", "LEADSTREAM_PARTITONS": "8"}, "--process", "relay")
    assert (
        wrong(said)["settings"]
        == "LEADSTREAM_PARTITONS is no setting, so it is not read; is LEADSTREAM_PARTITIONS meant?"
    )
    assert "KAFKA_BOOTSTRAP_SERVERS is not set" in wrong(said)["settings of relay"]


@pytest.mark.parametrize("fault", ["partitions", "topics"])
def test_a_fault_of_all_topics_is_one_line(
    broker: BrokerHandle, redis_server: RedisHandle, tmp_path: Path, fault: str
) -> None:
    environ = complete(broker, redis_server)
    if fault == "partitions":
        said = CliRunner().invoke(app, ["check"], env=environ | {"LEADSTREAM_PARTITIONS": "11"})
    else:
        empty = start_broker(Wish(tmp_path), "embedded")
        said = CliRunner().invoke(app, ["check"], env=environ | {"KAFKA_BOOTSTRAP_SERVERS": empty.bootstrap})
        empty.stop()
    [told] = [line for line in said.stdout.splitlines() if line.startswith("WRONG")]
    assert "more have" in told if fault == "partitions" else "more are missing; run `leadstream topics ensure`" in told
    assert len(said.stdout.splitlines()) <= SCREEN


def test_files_that_a_process_could_not_read_are_told_before_it_is_started(
    broker: BrokerHandle, redis_server: RedisHandle, tmp_path: Path
) -> None:
    names = ("LEADSTREAM_ROUTING_FILE", "LEADSTREAM_SCORECARD_FILE", "LEADSTREAM_HOSTING_FILE", "LEADSTREAM_MAPS")
    said = check(complete(broker, redis_server) | dict.fromkeys(names, str(tmp_path / "none.yaml")))
    told = [it["wrong"] for it in json.loads(said.stdout) if it["subject"].startswith("settings") and it["wrong"]]
    assert sorted(line.split()[0].partition("=")[0] for line in told) == sorted(names)


def test_a_process_that_needs_no_redis_is_not_asked_for_one(fresh: BrokerHandle, redis_server: RedisHandle) -> None:
    environ = complete(fresh, redis_server) | {"REDIS_URL": ""}
    assert check(environ, "--process", "worker").exit_code == 0
    assert check(environ, "--process", "view").exit_code == 1
    assert check(environ, "--process", "pigeon").exit_code == 2


def test_topics_are_made_once(broker: BrokerHandle) -> None:
    said = CliRunner().invoke(app, ["topics", "ensure"], env=connected(broker))
    assert (said.exit_code, said.stdout) == (0, "every topic is there\n")
