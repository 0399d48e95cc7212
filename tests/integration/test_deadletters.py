"""Dead letters on a real broker: read, shown without personal values, and replayed byte for byte."""

import json
import time

import pytest
from confluent_kafka import Message
from typer.testing import CliRunner, Result

from connectors import deadletters, kafka
from connectors.deadletters import REPLAYED_FROM, Wanted
from connectors.settings import Connection
from schemas.letters import NOTE
from schemas.person import seal
from schemas.records import DeadLetter
from schemas.topics import DEAD_LETTERS, EVENTS_AD, EVENTS_WEB
from streams.cli import app
from streams.runtime.handle import BrokerHandle
from tests.wires import at_the_end, connected, send

SECRET = b"jane@example.com \xff\x00"


@pytest.fixture
def environ(broker: BrokerHandle) -> dict[str, str]:
    return connected(broker)


def letter(prefix: str, number: int, **changed: object) -> DeadLetter:
    """A dead letter of a web event that our code crashed on; two with the same number hold the same record."""
    person, key = seal({"key": f"{prefix}{number}".encode(), "value": SECRET + str(number).encode()})
    fields: dict[str, object] = {
        "id": f"{prefix}{number}",
        "topic": EVENTS_WEB.name,
        "partition": 0,
        "offset": number,
        "stage": "resolve",
        "reason": "crash",
        "detail": "ZeroDivisionError",
        "failed_at": time.time(),
        "person": person,
        "person_key": key,
    }
    return DeadLetter(**(fields | changed))  # type: ignore[arg-type]


@pytest.fixture
def buried(environ: dict[str, str], topic_prefix: str) -> list[DeadLetter]:
    """Three crashes, the third record crashed twice; a refusal on another topic; some that cannot be sent."""
    letters = [
        letter(topic_prefix, 1),
        letter(topic_prefix, 2),
        letter(topic_prefix, 3),
        letter(topic_prefix, 3, id=f"{topic_prefix}3again"),
        letter(topic_prefix, 4, reason="refused", topic=EVENTS_AD.name),
        letter(topic_prefix, 5, topic="somebody.elses"),
        letter(topic_prefix, 6, detail=f"too large {NOTE}, of 9 and 2000000 bytes)"),
        letter(topic_prefix, 7, person_key="k9"),
        letter(topic_prefix, 8, failed_at=1_000.0),
    ]
    send(environ, DEAD_LETTERS, *((one.id, one) for one in letters), ("garbled", b"\x00\x00"), ("gone", None))
    return letters


def arrived(environ: dict[str, str], group: str, count: int) -> list[Message]:
    """The next records of the web and ad topics for this group."""
    consumer = kafka.consumer(Connection.read(environ), group)
    consumer.subscribe([EVENTS_WEB.name, EVENTS_AD.name])
    found: list[Message] = []
    deadline = time.monotonic() + 20
    while len(found) < count and time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is not None and message.error() is None:
            found.append(message)
    extra = consumer.poll(0.5)
    consumer.close()
    return [*found, extra] if extra is not None else found


def run(environ: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(app, ["deadletters", *arguments], env=environ)


def test_a_replay_sends_each_record_once_as_it_was_and_says_what_it_left(
    environ: dict[str, str], buried: list[DeadLetter], topic_prefix: str
) -> None:
    group = at_the_end(environ, f"{topic_prefix}events", EVENTS_WEB, EVENTS_AD)
    done = deadletters.replay(Connection.read(environ), Wanted(id=topic_prefix))
    assert done.sent == {EVENTS_WEB.name: 4, EVENTS_AD.name: 1}
    assert done.left == {"repeated": 1, "unknown_topic": 1, "cut": 1, "unreadable": 1}
    messages = arrived(environ, group, 5)
    assert sorted((message.key(), message.value()) for message in messages) == [
        (f"{topic_prefix}{number}".encode(), SECRET + str(number).encode()) for number in (1, 2, 3, 4, 8)
    ]
    ids = {dict(message.headers() or [])[REPLAYED_FROM] for message in messages}
    assert ids <= {one.id.encode() for one in buried}


def test_a_dry_run_sends_nothing(environ: dict[str, str], buried: list[DeadLetter], topic_prefix: str) -> None:
    group = at_the_end(environ, f"{topic_prefix}events", EVENTS_WEB, EVENTS_AD)
    said = run(environ, "replay", "--id", topic_prefix, "--dry-run", "--json")
    assert (said.exit_code, json.loads(said.stdout)["sent"]) == (0, {EVENTS_WEB.name: 4, EVENTS_AD.name: 1})
    assert arrived(environ, group, 0) == []
    assert buried


@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [
        (("--reason", "refused"), {"4"}),
        (("--since", "1970-01-01T00:10:00Z"), {"1", "2", "3", "3again", "4", "5", "6", "7", "8"}),
        (("--since", "1h"), {"1", "2", "3", "3again", "4", "5", "6", "7"}),
    ],
    ids=["by reason", "since a date", "since an hour ago"],
)
def test_the_list_shows_those_asked_for(
    environ: dict[str, str], buried: list[DeadLetter], topic_prefix: str, arguments: tuple[str, ...], numbers: set[str]
) -> None:
    said = run(environ, "list", *arguments, "--limit", "1000", "--json")
    assert said.exit_code == 0
    told = json.loads(said.stdout)
    mine = {one["id"] for one in told["letters"] if one["id"].startswith(topic_prefix)}
    assert mine == {f"{topic_prefix}{number}" for number in numbers}
    assert told["count"] >= len(numbers)
    assert buried


def test_personal_values_are_shown_only_to_who_asks_for_them(
    environ: dict[str, str], buried: list[DeadLetter], topic_prefix: str
) -> None:
    plain, revealed = run(environ, "show", f"{topic_prefix}1"), run(environ, "show", f"{topic_prefix}1", "--reveal")
    listed = run(environ, "list")
    assert (plain.exit_code, revealed.exit_code, listed.exit_code) == (0, 0, 0)
    assert "ZeroDivisionError" in plain.stdout
    assert "jane" not in plain.stdout + listed.stdout
    assert "jane@example.com" in revealed.stdout
    assert buried


def test_a_letter_that_is_not_there_and_a_time_that_is_none_are_said_plainly(environ: dict[str, str]) -> None:
    missing, odd = run(environ, "show", "nosuch"), run(environ, "list", "--since", "yesterday")
    assert (missing.exit_code, odd.exit_code) == (1, 2)
    assert "no dead letter nosuch" in missing.stderr
    assert "--since yesterday is not a time" in odd.stderr


def test_without_a_broker_the_setting_is_named() -> None:
    said = run({"KAFKA_BOOTSTRAP_SERVERS": ""}, "list")
    assert said.exit_code == 2
    assert "KAFKA_BOOTSTRAP_SERVERS is not set" in said.stderr
