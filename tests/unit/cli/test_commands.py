"""The command line as a person or a program meets it."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner, Result

from connectors import kafka
from connectors.store import Store
from schemas.records import Candidate, ScoreReason, Trait
from schemas.topics import TOPICS
from streams.cli import app
from streams.cli.output import moment
from streams.runtime.handle import RedisHandle
from streams.runtime.process import free_port
from tests.builders import NOON, profile, routed, touchpoint

HEAVY = (
    "aiohttp",
    "confluent_kafka",
    "connectors",
    "faust",
    "fastavro",
    "pydantic",
    "redis",
    "river",
    "streams.app",
    "streams.evaluation",
)


def run(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200", "NO_COLOR": "1", **environ})


def test_help_imports_nothing_heavy() -> None:
    code = f"import sys, streams.cli; print([name for name in {HEAVY} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def commands(group: TyperGroup, *above: str) -> Iterator[tuple[str, ...]]:
    """Yield every command by its words, and the groups they are in."""
    for name, command in group.commands.items():
        yield (*above, name)
        if isinstance(command, TyperGroup):
            yield from commands(command, *above, name)


WHOLE = get_command(app)
assert isinstance(WHOLE, TyperGroup)


@pytest.mark.parametrize("arguments", [(), *commands(WHOLE)], ids=" ".join)
def test_every_command_explains_itself_and_what_it_takes(arguments: tuple[str, ...]) -> None:
    said = run(*arguments, "--help")
    assert said.exit_code == 0
    assert f"Usage: leadstream {' '.join(arguments)}".rstrip() in said.output
    assert len(said.output) > 200
    assert ("completion" in said.output) == (not arguments), "which is the whole program's matter"
    assert not re.search(r"\{[a-z]", said.output), "what is to be put in is in capitals"


def test_what_the_kafka_client_says_is_kept_out_of_a_commands_answer() -> None:
    code = (
        "from connectors.kafka import client; from connectors.settings import Connection; "
        "from confluent_kafka import Producer; "
        f"Producer(client(Connection.read({{'KAFKA_BOOTSTRAP_SERVERS': '127.0.0.1:{free_port()}'}}))).poll(1.0)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("deadletters", "replay", "--reason", "crash"),
        ("erase", "--user", "u1", "--yes"),
        ("quarantine", "list"),
        ("whatif", "--since", "1d", "--model", "0"),
    ],
    ids=" ".join,
)
def test_a_command_does_not_wait_for_a_broker_that_is_away(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr(kafka, "PATIENCE_S", 0.3)
    keys = {"LEADSTREAM_PEPPER": "p" * 16, "LEADSTREAM_SNAPSHOT_KEY": "k" * 16}
    said = run(*arguments, KAFKA_BOOTSTRAP_SERVERS=(where := f"127.0.0.1:{free_port()}"), **keys)
    assert said.exit_code == 1
    assert said.stderr.startswith(f"no broker answers at KAFKA_BOOTSTRAP_SERVERS={where}:")
    assert "Traceback" not in said.output


def test_an_unknown_command_is_misuse() -> None:
    assert run("fly").exit_code == 2


@pytest.mark.parametrize("process", ["collector", "worker", "relay", "view"])
def test_a_process_without_settings_names_each_and_exits_with_2(process: str) -> None:
    said = run(process, KAFKA_BOOTSTRAP_SERVERS="", REDIS_URL="", LEADSTREAM_PEPPER="", LEADSTREAM_PARTITONS="8")
    assert said.exit_code == 2
    assert "KAFKA_BOOTSTRAP_SERVERS is not set; set it:" in said.stderr
    assert "is LEADSTREAM_PARTITIONS meant?" in said.stderr, "what is misspelt is told of first"


def test_topics_are_listed_as_declared() -> None:
    said = run("topics", "list", "--json")
    assert [row["topic"] for row in json.loads(said.stdout)] == [topic.name for topic in TOPICS]
    assert "leads.profiles" in run("topics", "list").stdout


def test_version_is_told_to_programs_too() -> None:
    assert "leadstream" in json.loads(run("version", "--json").stdout)


@pytest.fixture
def lead(redis_server: RedisHandle, topic_prefix: str) -> str:
    """A lead in the view, with everything there is to show."""
    lead = f"e-{topic_prefix}"
    candidates = [Candidate(owner="rep2", excluded="daily cap reached"), Candidate(owner="rep1")]
    reasons = [ScoreReason(feature="pricing_views_7d", value=3.0, points=1.25)]
    led: dict[str, Any] = {"led_by": "blend", "model_share": 0.25, "card": "default 1", "card_points": 31.0}
    with redis.Redis.from_url(redis_server.url) as client:
        Store(client).write(
            [
                touchpoint(lead, page="/pricing"),
                profile(lead, score=0.91, reasons=reasons, traits={"industry": Trait(value="[toys]", at=NOON)}, **led),
                routed(lead, rule="hot", candidates=candidates),
                profile(f"v-{topic_prefix}", merged_into=lead),
            ]
        )
    return lead


def test_a_lead_is_shown_with_its_reasons_its_rule_and_the_owners_considered(
    redis_server: RedisHandle, lead: str
) -> None:
    said = run("lead", "show", lead, REDIS_URL=redis_server.url)
    assert said.exit_code == 0
    for told in ("pricing_views_7d", "+1.25", "rule: hot", "rep2: daily cap reached", "/pricing", "0.910", "[toys]"):
        assert told in said.stdout
    assert "25% the model's, the rest the scorecard's; scorecard default 1: 31 points" in said.stdout


def test_an_absorbed_lead_shows_the_one_that_absorbed_it(redis_server: RedisHandle, lead: str) -> None:
    visitor = lead.replace("e-", "v-")
    assert f"{visitor} turned out to be this lead" in run("lead", "show", visitor, REDIS_URL=redis_server.url).stdout
    told = json.loads(run("lead", "show", visitor, "--json", REDIS_URL=redis_server.url).stdout)
    assert (told["asked"], told["profile"]["lead_id"]) == (visitor, lead)
    assert told["decision"]["candidates"][0] == {"owner": "rep2", "excluded": "daily cap reached"}


def test_the_hottest_leads_are_listed(redis_server: RedisHandle, lead: str) -> None:
    told = json.loads(run("leads", "hot", "-n", "10000", "--json", REDIS_URL=redis_server.url).stdout)
    assert lead in [one["lead_id"] for one in told]
    assert run("leads", "hot", REDIS_URL=redis_server.url).exit_code == 0


def test_a_contact_that_was_only_imported_was_never_seen(redis_server: RedisHandle, topic_prefix: str) -> None:
    contact = f"e-{topic_prefix}"
    with redis.Redis.from_url(redis_server.url) as client:
        Store(client).write([profile(contact, score=0.999, first_seen=0.0, last_seen=0.0, touches=0)])
    (row,) = [
        line
        for line in run("leads", "hot", "-n", "10000", REDIS_URL=redis_server.url).stdout.splitlines()
        if contact in line
    ]
    assert row.split()[-1] == "never"
    assert "0 touches, never seen" in run("lead", "show", contact, REDIS_URL=redis_server.url).stdout


def test_a_lead_that_is_not_there_is_a_problem_with_a_remedy(redis_server: RedisHandle) -> None:
    said = run("lead", "show", "e-nobody", REDIS_URL=redis_server.url)
    assert said.exit_code == 1
    assert "no lead e-nobody in the view" in said.stderr
    assert "leadstream view" in said.stderr


def test_a_redis_that_is_down_is_named_and_no_trace_is_shown() -> None:
    said = run("lead", "show", "e-1", REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    assert said.exit_code == 1
    assert "REDIS_URL does not answer" in said.stderr
    assert "Traceback" not in said.output


@pytest.mark.parametrize("text", ["yesterday", "2 hours", "1y", "2026-13-01"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        moment(text, NOON)
