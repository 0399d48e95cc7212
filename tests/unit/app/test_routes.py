"""The routing file: what it says, and complaints that say what to do."""

from pathlib import Path

import pytest

from connectors.settings import SettingsError
from streams.domain.rotation import Owner
from streams.domain.routing import Routing
from streams.routes import routing


def complaint(tmp_path: Path, text: str) -> str:
    path = tmp_path / "routing.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError) as error:
        routing(str(path))
    lines = str(error.value).splitlines()
    assert all(line.startswith(f"LEADSTREAM_ROUTING_FILE {path}: ") for line in lines)
    return "\n".join(line.removeprefix(f"LEADSTREAM_ROUTING_FILE {path}: ") for line in lines)


def test_without_a_file_leads_are_routed_as_usual() -> None:
    assert routing("") == Routing()


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}"])
def test_an_empty_file_changes_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "routing.yaml"
    path.write_text(text)
    assert routing(str(path)) == Routing()


def test_the_example_says_everything_that_can_be_said(repository: Path) -> None:
    found = routing(str(repository / "docs" / "examples" / "routing.yaml"))
    assert found == Routing(
        threshold=0.3,
        owners=(Owner("north", 2), Owner("south", 1, 40), Owner("key-accounts", 0)),
        owners_by_account={"example.com": "key-accounts"},
        contact_unless_denied=True,
        rest_s=14 * 86_400.0,
    )


def test_everything_that_is_wrong_is_named_at_once(tmp_path: Path) -> None:
    said = complaint(
        tmp_path,
        "threshold: 1.5\ntreshold: 0.4\nrest_days: .nan\nowners:\n  - {name: ann, cap: -1}\n  - {weight: 2}\n"
        "owners_by_account: {Jane@example.com: ann}\ncontact_unless_denied: 'no'\n",
    )
    assert [line.partition(":")[0] for line in said.splitlines()] == [
        "threshold",
        "owners[0].cap",
        "owners[1].name",
        "owners_by_account.Jane@example.com",
        "contact_unless_denied",
        "rest_days",
        "treshold",
    ]
    assert "there is no such key" in said.splitlines()[-1]


def test_owners_must_be_known_and_able_to_take_leads(tmp_path: Path) -> None:
    said = complaint(
        tmp_path,
        "owners: [{name: ann, weight: 0}, {name: ann, weight: 0}]\nowners_by_account: {example.com: bob}\n",
    )
    assert [line.partition(":")[0] for line in said.splitlines()] == [
        "owners",
        "owners_by_account.example.com",
        "owners",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [("[1, 2]", "is no mapping"), ("owners: []", "owners: "), ("a: [", "is not YAML"), ("owners: 3", "owners: ")],
)
def test_what_is_no_routing_at_all_is_refused(tmp_path: Path, text: str, said: str) -> None:
    assert said in complaint(tmp_path, text)


def test_a_file_that_is_not_there_is_complained_of(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        routing(str(tmp_path / "none.yaml"))
