"""Settings: complete complaints, quiet secrets, and docs that are what the code says."""

from pathlib import Path

import pytest

from connectors.keyring import KeyRing
from connectors.reference import reference
from connectors.settings import PROCESSES, CollectorSettings, Connection, SettingsError, WorkerSettings

GIVEN = {"KAFKA_BOOTSTRAP_SERVERS": "kafka:9092", "LEADSTREAM_PEPPER": "pepper-for-tests-only"}


def test_everything_missing_and_wrong_is_named_at_once() -> None:
    wrong = {"LEADSTREAM_PARTITIONS": "many", "LEADSTREAM_WRITE_KEYS": "no-name", "LEADSTREAM_ACK_DEADLINE_S": "-1"}
    with pytest.raises(SettingsError) as error:
        CollectorSettings.read(wrong)
    named = [line.split()[0] for line in str(error.value).splitlines()]
    assert named == [
        "KAFKA_BOOTSTRAP_SERVERS",
        "LEADSTREAM_ACK_DEADLINE_S",
        "LEADSTREAM_PARTITIONS",
        "LEADSTREAM_PEPPER",
        "LEADSTREAM_WRITE_KEYS",
    ]


@pytest.mark.parametrize("kind", PROCESSES.values(), ids=PROCESSES)
def test_no_process_starts_without_being_told_where_kafka_is(kind: type[Connection]) -> None:
    with pytest.raises(SettingsError, match="KAFKA_BOOTSTRAP_SERVERS is not set"):
        kind.read({})


def test_an_empty_variable_is_not_set() -> None:
    with pytest.raises(SettingsError, match="LEADSTREAM_PEPPER is not set"):
        CollectorSettings.read(GIVEN | {"LEADSTREAM_PEPPER": ""})


def test_a_complaint_does_not_repeat_values() -> None:
    with pytest.raises(SettingsError) as error:
        CollectorSettings.read(GIVEN | {"LEADSTREAM_PEPPER": "short-secret", "LEADSTREAM_WRITE_KEYS": "hush-hush"})
    assert "short-secret" not in str(error.value)
    assert "hush-hush" not in str(error.value)


def test_secrets_have_a_quiet_repr() -> None:
    settings = CollectorSettings.read(GIVEN | {"LEADSTREAM_WRITE_KEYS": "shop:hush", "LEADSTREAM_GOOGLE_KEY": "hush"})
    assert "hush" not in repr(settings)
    assert "pepper-for" not in repr(settings)
    assert "shop" in repr(settings)


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "pepper"
    secret.write_text("pepper-from-a-file\n")
    settings = CollectorSettings.read({"KAFKA_BOOTSTRAP_SERVERS": "k:1", "LEADSTREAM_PEPPER_FILE": str(secret)})
    assert settings.pepper.get_secret_value() == b"pepper-from-a-file"


def test_a_file_that_cannot_be_read_is_complained_of_even_where_the_secret_is_optional(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="LEADSTREAM_GOOGLE_KEY_FILE cannot be read"):
        CollectorSettings.read(GIVEN | {"LEADSTREAM_GOOGLE_KEY_FILE": str(tmp_path / "none")})


@pytest.mark.parametrize(("length", "fits"), [(15, False), (16, True), (64, True), (65, False)])
def test_a_key_has_16_to_64_bytes(length: int, fits: bool) -> None:
    given = GIVEN | {"LEADSTREAM_SNAPSHOT_KEY": "k" * length}
    if fits:
        WorkerSettings.read(given)
        return
    with pytest.raises(SettingsError, match="LEADSTREAM_SNAPSHOT_KEY is wrong"):
        WorkerSettings.read(given)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Connection.read(GIVEN).partitions = 8


def test_a_key_ring_knows_each_of_its_keys_and_no_other() -> None:
    ring = KeyRing.parse("old:k1, new:k2")
    assert [ring.owner(key) for key in ("k1", "k2", "k", "", "kü")] == ["old", "new", "", "", ""]
    assert not KeyRing.parse("")


def test_the_table_in_the_docs_is_the_one_in_the_code(repository: Path) -> None:
    assert (repository / "docs" / "settings.md").read_text().endswith("\n\n" + reference())


def test_every_setting_says_what_it_is_and_durations_carry_their_unit() -> None:
    for kind in PROCESSES.values():
        for name, field in kind.model_fields.items():
            assert field.description
            assert ("seconds" in field.description) == (name.endswith("_s") and not name.endswith("per_s"))


GIVEN_WORKER = GIVEN | {"LEADSTREAM_SNAPSHOT_KEY": "k" * 16}


def test_traits_are_a_list_of_names() -> None:
    settings = WorkerSettings.read(GIVEN_WORKER | {"LEADSTREAM_TRAITS": "plan, team_size,emp.var"})
    assert settings.traits == ("plan", "team_size", "emp.var")
    assert WorkerSettings.read(GIVEN_WORKER).traits == ()


@pytest.mark.parametrize("names", ["plan,first_name", "eMail", "plan=trial", "plan#1", "x" * 65])
def test_traits_that_are_personal_or_cannot_be_features_are_refused(names: str) -> None:
    with pytest.raises(SettingsError, match="LEADSTREAM_TRAITS is wrong"):
        WorkerSettings.read(GIVEN_WORKER | {"LEADSTREAM_TRAITS": names})


def test_buckets_end_later_and_later() -> None:
    assert WorkerSettings.read(GIVEN_WORKER).bucket_ends_s == (259_200.0, 604_800.0, 1_209_600.0, 2_592_000.0)
    assert WorkerSettings.read(GIVEN_WORKER | {"LEADSTREAM_BUCKET_DAYS": "0.5,1"}).bucket_ends_s == (43_200.0, 86_400.0)


@pytest.mark.parametrize("days", ["3,3", "7,3", "0,3", "nan", "soon", "400", ",".join(map(str, range(1, 10)))])
def test_ends_of_buckets_that_are_none_are_refused(days: str) -> None:
    with pytest.raises(SettingsError, match="LEADSTREAM_BUCKET_DAYS is wrong"):
        WorkerSettings.read(GIVEN_WORKER | {"LEADSTREAM_BUCKET_DAYS": days})
