"""A setting whose name is misspelt is told of; what is no setting of ours, and what a file asks for, is not."""

from pathlib import Path

import pytest

from connectors.spelling import misspelt


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("ROUTNG_FILE", "ROUTING_FILE"),
        ("DESTINATION_FILE", "DESTINATIONS_FILE"),
        ("PEPER_FILE", "PEPPER_FILE"),
        ("STATEDIR", "STATE_DIR"),
        ("WRITE_KEY", "WRITE_KEYS"),
    ],
)
def test_what_is_nearly_a_setting_is_told_of_with_the_one_that_may_be_meant(written: str, meant: str) -> None:
    [said] = misspelt({f"LEADSTREAM_{written}": "hush"})
    assert said == f"LEADSTREAM_{written} is no setting, so it is not read; is LEADSTREAM_{meant} meant?"


@pytest.mark.parametrize(
    "name", ["LEADSTREAM_PROMETHEUS_URL", "LEADSTREAM_TEST_BROKER", "LEADSTREAM_PEPPER_FILE", "MY_LEADSTREAM_PEPER"]
)
def test_what_is_like_none_is_somebody_elses(name: str) -> None:
    assert not list(misspelt({name: "1"}))


def test_what_is_set_besides_is_not_what_was_meant() -> None:
    assert not list(misspelt({"LEADSTREAM_CRM_KEY": "k", "LEADSTREAM_CRM_KEYS": "crm:k"}))


def test_what_a_destinations_file_asks_for_is_meant(tmp_path: Path) -> None:
    file = tmp_path / "destinations.yaml"
    file.write_text("destinations: {crm: {sink: webhook, secret: '${LEADSTREAM_CRM_KEY}'}}")
    given = {"LEADSTREAM_CRM_KEY": "k", "LEADSTREAM_DESTINATIONS_FILE": str(file)}
    assert not list(misspelt(given))
    assert list(misspelt(given | {"LEADSTREAM_DESTINATIONS_FILE": "nowhere.yaml"}))
