"""`leadstream up` says where routed leads go, and shows no secret while it does."""

from pathlib import Path

import pytest

from connectors.settings import SettingsError
from streams.cli.processes import _exports, outlet

BROKER = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
WEBHOOK = {
    "LEADSTREAM_WEBHOOK_URL": "https://u:hush@crm.example.com/in?token=hush",
    "LEADSTREAM_WEBHOOK_SECRET": "whsec_" + "aHVzaA" * 6,
}


def test_nobody_gets_them_and_the_settings_that_change_it_are_named() -> None:
    said = outlet(BROKER | {"LEADSTREAM_SINK": "memory"})
    assert "go nowhere" in said
    assert {"LEADSTREAM_SINK=memory", "LEADSTREAM_WEBHOOK_URL", "LEADSTREAM_DESTINATIONS_FILE"} <= set(
        said.replace("(", " ").replace(")", " ").replace(";", " ").split()
    )


def test_a_webhook_is_told_by_its_host_alone() -> None:
    said = outlet(BROKER | WEBHOOK)
    assert "at crm.example.com." in said
    assert "hush" not in said, "neither user nor token"


def test_destinations_of_a_file_are_named_whatever_else_is_set(tmp_path: Path) -> None:
    file = tmp_path / "destinations.yaml"
    file.write_text("destinations: {sales: {sink: memory}, partner: {sink: memory}}")
    said = outlet(BROKER | {"LEADSTREAM_SINK": "memory", "LEADSTREAM_DESTINATIONS_FILE": str(file)})
    assert f"the destinations of {file}: sales (memory), partner (memory)." in said


def test_a_webhook_without_an_address_is_complained_of() -> None:
    with pytest.raises(SettingsError, match="LEADSTREAM_WEBHOOK_URL"):
        outlet(BROKER)


def test_what_other_shells_are_told_is_enough_for_the_relays_part_of_check() -> None:
    said = _exports(BROKER | {"LEADSTREAM_SINK": "memory", "LEADSTREAM_COLLECTOR_HOST": "127.0.0.1"})
    given = dict(line.removeprefix("  export ").split("=", 1) for line in said.splitlines() if "=" in line)
    assert "go nowhere" in outlet(given)
