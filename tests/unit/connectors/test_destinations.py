"""The destinations file: what is right is opened, and everything that is wrong is told at once, without its value."""

from pathlib import Path

import pytest

from connectors.destinations import destinations, groups
from connectors.settings import RelaySettings, SettingsError

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "destinations.yaml"


def settings(path: Path) -> RelaySettings:
    return RelaySettings.read({"KAFKA_BOOTSTRAP_SERVERS": "not:1", "LEADSTREAM_DESTINATIONS_FILE": str(path)})


def written(tmp_path: Path, text: str) -> RelaySettings:
    path = tmp_path / "destinations.yaml"
    path.write_text(text)
    return settings(path)


def wrong(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(SettingsError) as error:
        destinations(written(tmp_path, text), {})
    return [line.rpartition("destinations.yaml")[2].lstrip(": ") for line in str(error.value).splitlines()]


def test_the_example_is_read_and_each_destination_has_a_group_and_a_retry_topic_of_its_own(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(f"{SECRET}\n")
    every = dict.fromkeys(("HUBSPOT_TOKEN", "SALESFORCE_ID", "SALESFORCE_SECRET", "ADS_TOKEN"), SECRET)
    crm, tryout = destinations(settings(EXAMPLE), every | {"CRM_WEBHOOK_SECRET_FILE": str(key)})[:2]
    assert (crm.name, crm.group, crm.retry.name) == ("crm", "leadstream-relay-crm", "leads.routed.retry.crm")
    assert crm.takes == ("sales",)
    assert (tryout.sink, tryout.takes) == ("memory", ())
    assert list(groups(str(EXAMPLE)))[:2] == [crm.group, tryout.group]


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    text = """
    destinations:
      Bad Name: {sink: memory}
      pigeon: {sink: carrier-pigeon}
      crm: {sink: webhook, url: nowhere, secret: hunter2hunter2}
      other: {sink: webhook, url: https://crm.example, secret: "${NOT_SET}"}
      slow: {sink: memory, schedule_s: [-1]}
    """
    found = wrong(tmp_path, text)
    for start in (
        "destinations.Bad Name: a name is",
        "destinations.pigeon.sink: carrier-pigeon is not known; write one of webhook, hubspot",
        "destinations.crm.url is wrong: this is not an http:// or https:// address",
        "destinations.crm.secret is wrong: this cannot be used",
        "destinations.other: NOT_SET is not set in the environment, nor NOT_SET_FILE",
        "destinations.slow.schedule_s.0 is wrong: Input should be greater than 0",
    ):
        assert any(line.startswith(start) for line in found), start
    assert "hunter2" not in "".join(found)


@pytest.mark.parametrize("text", ["", "[]", "destinations: []", "destinations: {}", "destinations: {crm: 1}", "{"])
def test_a_file_that_is_none_says_what_to_write(tmp_path: Path, text: str) -> None:
    assert wrong(tmp_path, text)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="LEADSTREAM_DESTINATIONS_FILE"):
        destinations(settings(tmp_path / "none.yaml"), {})
