"""The pages tell the truth: what they name exists, what they tell people to type works, what they quote is answered."""

import base64
import json
import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from connectors.settings import PROCESSES
from connectors.sources import SOURCES
from schemas.topics import DAY_S, EVENTS_WEB
from streams.cli import app
from streams.cli.demo import demo
from streams.domain.seen import CAP
from streams.runtime.handle import BrokerHandle
from streams.runtime.kafka import KAFKA
from tests.collecting import Collecting, collecting
from tests.contract.sources.senders import SENDERS, settings
from tests.contract.test_observability import declared
from tests.pages import told

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
TEXTS = {str(page.relative_to(ROOT)): told(page.read_text()) for page in PAGES}
README = TEXTS["README.md"]
OF_TESTS = {"LEADSTREAM_TEST_BROKER", "LEADSTREAM_TEST_REDIS", "LEADSTREAM_PEPPER_FILE"}
TEMPLATE = "<name>"  # stands for a file that the reader is about to write

every_page = pytest.mark.parametrize("page", TEXTS)


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def typed(text: str) -> Iterator[list[str]]:
    """Every `leadstream` command on a page, in words, from shell blocks and from within sentences."""
    lines = [line for block in blocks(text, "sh") for line in block.splitlines()]
    told = [line for line in lines if "leadstream " in line]
    for command in [*told, *re.findall(r"`(leadstream [^`]+)`", text)]:
        words = shlex.split(command, comments=True)
        at = next((n for n, word in enumerate(words) if word.rpartition("/")[2] == "leadstream"), None)
        if at is not None:
            yield words[at + 1 :]


def curls() -> list[tuple[str, bytes, dict[str, str]]]:
    """Path, body and headers of each request in the README."""
    found = []
    for block in blocks(README, "sh"):
        if block.startswith("curl "):
            words = shlex.split(block)
            headers = dict(word.split(": ") for flag, word in pairwise(words) if flag == "-H")
            if "-u" in words:
                user = words[words.index("-u") + 1]
                headers["authorization"] = f"Basic {base64.b64encode(user.encode()).decode()}"
            [url] = [word for word in words if word.startswith("http://127.0.0.1:8080/")]
            body = words[words.index("-d") + 1].encode()
            found.append((url.removeprefix("http://127.0.0.1:8080"), body, headers))
    return found


@every_page
def test_a_link_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", TEXTS[page]):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        linked = (ROOT / page).parent / path if path else ROOT / page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


@every_page
def test_a_file_that_is_named_exists(page: str) -> None:
    tops = {path.name for path in ROOT.iterdir()}
    for name in re.findall(r"`([\w.*-]+(?:/[\w.*<>-]+)*/?)`", TEXTS[page]):
        top = name.partition("/")[0]
        if TEMPLATE not in name and ("/" in name and top in tops):
            assert list(ROOT.glob(name.rstrip("/"))), name


@every_page
def test_a_command_exists_with_its_options(page: str) -> None:
    own = typer.Typer()
    own.command()(demo)
    for words in typed(TEXTS[page]):
        command: Any = get_command(app)
        for word in words:
            if word in getattr(command, "commands", {}):
                command = get_command(own) if word == "demo" else command.commands[word]
        options = {option for param in command.params for option in param.opts} | {"--help"}
        assert not getattr(command, "commands", None) or len(words) <= 1, words
        assert {word for word in words if word.startswith("-")} <= options, words


@every_page
def test_a_make_target_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    lines = [line for block in blocks(TEXTS[page], "sh") for line in block.splitlines()]
    told = [*lines, *re.findall(r"`(make [^`]+)`", TEXTS[page])]
    assert {line.split()[1] for line in told if line.startswith("make ")} <= targets


@every_page
def test_a_setting_that_is_named_is_read_by_somebody(page: str) -> None:
    known = {str(field.alias) for process in PROCESSES.values() for field in process.model_fields.values()}
    example = (ROOT / ".env.example").read_text()
    for name in re.findall(r"\b(?:LEADSTREAM|KAFKA|REDIS|SCHEMA)_[A-Z_]+[A-Z]\b", TEXTS[page]):
        assert name in known | OF_TESTS or f"{name}=" in example, name


@every_page
def test_a_metric_that_is_named_exists(page: str) -> None:
    assert set(re.findall(r"\b(leadstream_\w+)", TEXTS[page])) <= set(declared())


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_has_a_line_that_says_what_to_set(name: str) -> None:
    rows = re.findall(r"^\| .* \| `/.*\|$", TEXTS["docs/sources.md"], re.MULTILINE)
    setting = next(iter(SENDERS[name].told(SENDERS[name].secrets)))
    assert [row for row in rows if f"`{setting}`" in row]


def test_the_readme_lists_every_command_and_no_other() -> None:
    rows = re.findall(r"^\| `leadstream (\w+)` \|", README, re.MULTILINE)
    root: Any = get_command(app)
    assert sorted(rows) == sorted(root.commands)


@pytest.mark.parametrize("arguments", [["--help"], ["version"], ["topics", "list"]], ids=" ".join)
def test_what_costs_nothing_is_run(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, arguments).exit_code == 0


def test_figures_that_come_from_the_code_are_the_codes() -> None:
    example = (ROOT / "docs" / "examples" / "read_routed.py").read_text()
    assert f"Apache Kafka {KAFKA.version} is what is tested" in README
    assert f"in {len(example.splitlines())} lines" in README
    assert f"**{CAP} ids**" in README
    assert f"kept for {EVENTS_WEB.retention_s // DAY_S} days" in README


def test_sizing_quotes_figures_that_the_pages_it_links_to_still_have() -> None:
    def figures(text: str) -> set[str]:
        return set(re.findall(r"\d[\d.]*", text.replace(",", "")))

    quoted = re.findall(r"^\|[^|]+\|([^|]+)\(\[\w+\]\((benchmarks|state)\.md\)", TEXTS["docs/sizing.md"], re.MULTILINE)
    assert len(quoted) >= 4
    for said, page in quoted:
        assert not figures(said) - figures(TEXTS[f"docs/{page}.md"]), said


def test_every_decision_is_listed_and_has_its_parts() -> None:
    index, pages = TEXTS["docs/adr/README.md"], sorted((ROOT / "docs" / "adr").glob("0*.md"))
    assert re.findall(r"\]\((0.*)\)", index) == [page.name for page in pages]
    for page in pages:
        text = page.read_text()
        assert text.startswith(f"# {page.name[:4]} · ")
        assert [
            part for part in ("**Status**", "**Context.**", "**Decision.**", "**Consequences.**") if part not in text
        ] == []


@pytest.fixture(scope="module")
def collector(broker: BrokerHandle) -> Iterator[Collecting]:
    """A collector with the keys that the README uses."""
    asked = settings(
        KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap,
        LEADSTREAM_COLLECTOR_PORT="0",
        LEADSTREAM_WRITE_KEYS="shop:wk-1",
        LEADSTREAM_CRM_KEYS="crm:crm-1",
    )
    with collecting(asked) as running:
        yield running


def test_the_readme_has_requests_and_the_keys_they_need() -> None:
    assert [path for path, _, _ in curls()] == ["/v1/track", "/v1/outcomes"]
    assert "LEADSTREAM_WRITE_KEYS=shop:wk-1" in README
    assert "LEADSTREAM_CRM_KEYS=crm:crm-1" in README


@pytest.mark.parametrize("number", [0, 1])
def test_a_request_of_the_readme_is_answered_as_it_says(collector: Collecting, number: int) -> None:
    path, body, headers = curls()[number]
    named = {name.replace("-", "_"): value for name, value in headers.items()}
    answer = collector.ask(path, body, **named)
    assert answer.status == 200
    [quoted] = blocks(README, "json")
    assert answer.json() == json.loads(quoted)


def test_a_request_of_the_readme_with_another_key_is_not(collector: Collecting) -> None:
    path, body, headers = curls()[0]
    assert collector.ask(path, body, content_type=headers["content-type"]).status == 401
