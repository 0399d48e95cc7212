"""What the runbook tells people to type is typed, against a set-up that runs: each command does what the page wants."""

import asyncio
import json
import os
import re
import shlex
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from streams.cli.stack import Stack
from streams.demo.generator import generate
from streams.demo.ledger import Ledger
from streams.demo.senders import Keys, Senders, sendgrid_key
from tests.contract.test_docs import typed
from tests.wires import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "docs" / "runbook.md", *sorted((ROOT / "docs" / "runbook").iterdir()))
TEXTS = {page.name: page.read_text() for page in PAGES}
COMMANDS = sorted({" ".join(words) for text in TEXTS.values() for words in typed(text)})
OTHERS = sorted({words for text in TEXTS.values() for words in re.findall(r"`(docker [^`]+)`", text)})
METRICS = sorted({name for text in TEXTS.values() for name in re.findall(r"`(leadstream_\w+)`", text)})
PATHS = {"/readyz": ("collector", "worker"), "/healthz": ("collector",)}
NOT_RUN = {"docker compose up --scale worker=4", "docker compose ps", "docker compose logs --tail 50 worker"}
WITH = {
    "deadletters show ID": "dead letter",
    "deadletters replay --id ID": "dead letter",
    "lead show": "lead",
}  # what somebody on call puts in
EVENTS = 600
PATIENCE_S = 120.0


class Bench(NamedTuple):
    """A set-up with leads, dead letters and a model in it."""

    stack: Stack

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Type a command, as somebody does who has the set-up's environment."""
        return subprocess.run(
            [sys.executable, "-m", "streams", *words],
            cwd=ROOT,
            env={**os.environ, **self.stack.environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def found(self, *words: str) -> list[dict[str, str]]:
        """What a command lists."""
        done = self.run(*words, "--json")
        said = json.loads(done.stdout) if done.returncode == 0 else []
        rows: list[dict[str, str]] = said["letters"] if isinstance(said, dict) else said
        return rows


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    private, public = sendgrid_key()
    with Stack(broker="embedded", environ={"LEADSTREAM_SENDGRID_PUBLIC_KEY": public}) as stack:
        key, google = stack.key("LEADSTREAM_WRITE_KEYS"), stack.environ["LEADSTREAM_GOOGLE_KEY"]
        keys = Keys(key, stack.key("LEADSTREAM_CRM_KEYS"), google, private)
        asyncio.run(Senders(stack.url, keys, 0).play(list(generate(1, EVENTS, time.time())), Ledger()))
        made = Bench(stack)
        for listed in (("deadletters", "list"), ("leads", "hot"), ("model", "list")):
            eventually(lambda listed=listed: bool(made.found(*listed)), patience_s=PATIENCE_S)  # type: ignore[misc]
        yield made


def test_there_are_commands_and_those_that_are_not_typed_here_are_known() -> None:
    assert len(COMMANDS) >= 8
    assert set(OTHERS) == NOT_RUN
    assert WITH.keys() <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_runbook_does_what_it_says(bench: Bench, command: str) -> None:
    words = shlex.split(command)
    if WITH.get(command) == "dead letter":
        words[-1] = bench.found("deadletters", "list")[0]["id"]
    if WITH.get(command) == "lead":
        words.append(bench.found("leads", "hot")[0]["lead_id"])
    done = bench.run(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize(("path", "part"), [(path, part) for path, parts in PATHS.items() for part in parts])
def test_an_address_that_the_runbook_names_answers(bench: Bench, path: str, part: str) -> None:
    assert any(path in text for text in TEXTS.values())
    url = bench.stack.metrics(part).replace("/metrics", path)
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.status == 200


def test_a_metric_that_the_runbook_names_is_shown_by_some_process(bench: Bench) -> None:
    shown = ""
    for part in bench.stack.children:
        with urllib.request.urlopen(bench.stack.metrics(part), timeout=10) as answer:
            shown += answer.read().decode()
    assert METRICS
    assert [name for name in METRICS if f"# HELP {name} " not in shown] == []
