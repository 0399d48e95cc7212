"""docker-compose.yml, as far as it can be held to account without Docker: shape, images, names, commands, secrets."""

import re
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from typer.main import get_command

from connectors.settings import PROCESSES
from connectors.store import Store
from streams.cli import app
from streams.runtime.docker import KAFKA_IMAGE, VALKEY_IMAGE
from streams.runtime.kafka import KAFKA
from streams.runtime.process import Process, free_port
from streams.runtime.redis import _wheel_binary

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "leadstream:local"}
PINNED = re.compile(r"^(?P<name>[a-z0-9.-]+(/[a-z0-9._-]+)+):v?\d+\.\d+\.\d+(-[a-z0-9.]+)?$")
VARIABLE = re.compile(r"\$\{(?P<name>[A-Z0-9_]+)(?P<rest>:[-?][^}]*)?\}")
KEYS = {
    *("image", "build", "command", "entrypoint", "environment", "ports", "volumes", "depends_on", "healthcheck"),
    *(
        "restart",
        "mem_limit",
        "pids_limit",
        "user",
        "read_only",
        "tmpfs",
        "cap_drop",
        "security_opt",
        "stop_grace_period",
    ),
}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}

every_service = pytest.mark.parametrize("name", SERVICES)
every_one_of_ours = pytest.mark.parametrize("name", OURS)


def named_in_env_example() -> set[str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return {line.partition("=")[0] for line in lines if line and not line.startswith("#")}


@every_service
def test_a_service_has_known_keys_and_a_memory_limit(name: str) -> None:
    service = SERVICES[name]
    assert set(service) <= KEYS
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])


@every_service
def test_an_image_is_pinned_to_a_release_or_built_here(name: str) -> None:
    service = SERVICES[name]
    assert "build" in service or PINNED.match(service["image"]), service["image"]


@every_service
def test_what_a_service_waits_for_exists_and_can_be_seen_to_be_ready(name: str) -> None:
    for other, wait in SERVICES[name].get("depends_on", {}).items():
        assert wait["condition"] in CONDITIONS
        if wait["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other]
        if wait["condition"] == "service_completed_successfully":
            assert SERVICES[other]["restart"] in ("no", "on-failure")


@every_service
def test_a_long_running_service_has_a_health_check_that_can_run(name: str) -> None:
    service = SERVICES[name]
    if service["restart"] == "on-failure":
        return
    check = service["healthcheck"]
    assert check["test"][0] == "CMD"
    assert check["test"][1].rpartition("/")[2] in (
        "python",
        "python3",
        "wget",
        "valkey-cli",
        "kafka-broker-api-versions.sh",
    )
    if check["test"][1].startswith("python"):
        compile(check["test"][3], "healthcheck", "exec")


@every_service
def test_a_port_is_published_to_this_machine_only(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert port.startswith(("127.0.0.1:", "${COLLECTOR_ADDRESS:-127.0.0.1}:"))


@every_service
def test_what_is_mounted_is_in_the_clone_or_a_declared_volume(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        source = volume.partition(":")[0]
        assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]


@every_service
def test_a_secret_comes_from_the_environment_and_nowhere_else(name: str) -> None:
    for key, value in SERVICES[name].get("environment", {}).items():
        if re.search(r"PASSWORD|SECRET|PEPPER|_KEYS?$", key):
            assert VARIABLE.fullmatch(value), f"{key} is written out"


def test_every_variable_is_explained_in_the_example_and_every_one_there_is_used() -> None:
    used = {match["name"] for match in VARIABLE.finditer((ROOT / "docker-compose.yml").read_text())}
    assert used == named_in_env_example()


@every_one_of_ours
def test_our_command_exists(name: str) -> None:
    command: Any = get_command(app)
    for word in OURS[name]["command"]:
        command = command.commands[word]


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_is_told_only_what_it_reads_and_all_that_it_must_be_told(name: str) -> None:
    fields = PROCESSES[name].model_fields.values()
    told = set(SERVICES[name]["environment"])
    assert told <= {str(field.alias) for field in fields}
    assert {str(field.alias) for field in fields if field.is_required()} <= told


@every_one_of_ours
def test_our_containers_may_do_little(name: str) -> None:
    service = OURS[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]


@every_service
def test_no_container_gains_rights_and_none_writes_to_its_image(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"]


def test_what_images_of_others_write_beside_their_volumes_is_held_in_memory() -> None:
    written = {"kafka": "/opt/kafka/config", "registry": "/opt/karapace/runtime"}
    assert {name: path for name, path in written.items() if path not in SERVICES[name]["tmpfs"]} == {}
    assert SERVICES["kafka"]["environment"]["LOG_DIR"] in SERVICES["kafka"]["tmpfs"]


def test_a_worker_notes_how_it_ends_on_a_volume_that_its_user_can_write() -> None:
    folder = SERVICES["worker"]["environment"]["LEADSTREAM_EXITS_DIR"]
    assert f"worker:{folder}" in SERVICES["worker"]["volumes"]
    made = f"RUN install --directory --owner=10001 --group=10001 {folder}"
    assert made in (ROOT / "infra" / "docker" / "Dockerfile").read_text().splitlines()


def test_redis_takes_our_word_only_and_lets_us_do_what_the_view_does(tmp_path: Path) -> None:
    command = [VARIABLE.sub("secret", word) for word in SERVICES["redis"]["command"]]
    assert _wheel_binary() is not None
    port = free_port()
    own = ("--bind", "127.0.0.1", "--port", str(port), "--dir", str(tmp_path))
    server = Process((str(_wheel_binary()), *command[1:], *own), tmp_path / "log", "Ready to accept connections")
    server.start()
    server.wait()
    try:
        url = VARIABLE.sub("secret", SERVICES["view"]["environment"]["REDIS_URL"]).replace(
            "redis:6379", f"127.0.0.1:{port}"
        )
        ours = redis.Redis.from_url(url)
        assert ours.ping()
        assert ours.info("memory")
        Store(ours).clear()
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=port).ping()
        with pytest.raises(redis.exceptions.NoPermissionError):
            ours.config_get("*")
    finally:
        server.stop()


def test_our_image_runs_as_a_user_without_rights() -> None:
    lines = (ROOT / "infra" / "docker" / "Dockerfile").read_text().splitlines()
    final = lines[max(number for number, line in enumerate(lines) if line.startswith("FROM ")) :]
    assert "USER 10001:10001" in final
    copied = [line.split()[1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    assert all((ROOT / source).exists() for source in copied)


def test_containers_and_jars_are_the_same_kafka() -> None:
    assert SERVICES["kafka"]["image"] == KAFKA_IMAGE == f"apache/kafka:{KAFKA.version}"
    assert SERVICES["redis"]["image"] == VALKEY_IMAGE


def test_prometheus_scrapes_each_process_where_it_shows_its_metrics() -> None:
    scraped = yaml.safe_load((ROOT / "infra" / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    targets = {job["dns_sd_configs"][0]["names"][0]: job["dns_sd_configs"][0]["port"] for job in scraped}
    expected = {name: int(SERVICES[name]["environment"]["LEADSTREAM_METRICS_PORT"]) for name in PROCESSES}
    expected["collector"] = int(SERVICES["collector"]["environment"]["LEADSTREAM_COLLECTOR_PORT"])
    assert targets == expected
