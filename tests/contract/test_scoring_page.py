"""What the page on scoring shows of the commands is what they say, to the letter, of a month of made-up traffic."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from streams.cli import app
from streams.evaluation.report import FIGURES
from tests.remembered import Log, month, remember

PAGE = (Path(__file__).parents[2] / "docs" / "scoring.md").read_text()
SHOWN = re.findall(r"^    \$ leadstream (.*)\n((?:    .*\n|\n(?=    (?!\$)))*)", PAGE, re.MULTILINE)
COMMANDS = [(command, said) for command, said in SHOWN if not command.startswith("evaluate")]


@pytest.fixture(scope="module")
def log() -> Log:
    return month(2_400)


@pytest.fixture
def remembered(log: Log, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    remember(monkeypatch, log)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def plain(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def said(command: str) -> list[str]:
    done = CliRunner().invoke(app, shlex.split(command))
    assert done.exit_code == 0, done.output
    return plain(done.output)


def test_the_page_shows_each_command_of_versions_and_what_if() -> None:
    assert [command.split()[:2] for command, _ in COMMANDS] == [
        ["model", "list"],
        ["model", "show"],
        ["model", "pin"],
        ["model", "rollback"],
        ["whatif", "--model"],
    ]


def test_the_commands_say_what_the_page_shows_one_after_the_other(remembered: Path) -> None:
    for command, shown in COMMANDS:
        found = said(command)
        for line in plain(shown):
            assert line == "…" or line in found, command
    assert (remembered / "whatif.csv").read_text().startswith("lead_id,account,was,would,")


def test_the_page_shows_each_figure_of_an_evaluation() -> None:
    (shown,) = [text for command, text in SHOWN if command.startswith("evaluate")]
    assert [name for name in FIGURES.values() if name not in shown] == []
