"""docs/adding.md, followed to the letter in a copy of the tree: the page's code works, and a mistake in it is found."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.pages import Block, applied, commands, section, written
from tests.pipeline import ROOT

pytestmark = pytest.mark.timeout(600)
PAGE = (ROOT / "docs" / "adding.md").read_text()
MADE = shutil.ignore_patterns(".git", ".venv", ".hypothesis", "build", "*_cache", "__pycache__")
PASSED = re.compile(r"(\d+) passed")
MISTAKES = {
    "A source": (
        'signed(SIGNATURE, self._secrets, request.body, from_hex(request.headers.get(SIGNATURE, "")))',
        "pass",
    ),
    "A sink": ("api_verdict(answer) or Delivered()", "Delivered()"),
}

every_section = pytest.mark.parametrize("title", MISTAKES)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the tree that runs in this environment."""
    tree = tmp_path / "tree"
    shutil.copytree(ROOT, tree, ignore=MADE)
    (tree / ".venv").symlink_to(sys.prefix)
    return tree


def run(tree: Path, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command there, on the copy's packages."""
    environ = os.environ | {"PYTHONPATH": str(tree), "LEADSTREAM_TEST_BROKER": "embedded"}
    return subprocess.run(command, check=False, cwd=tree, env=environ, capture_output=True, text=True)


def typed(line: str) -> list[str]:
    """A line as it is run here: the environment is made already, and is not to be made again for a copy."""
    words = shlex.split(line)
    return [words[0], "--old-file=.venv/.fresh", *words[1:]] if words[0] == "make" else words


@every_section
def test_what_the_page_says_is_all_that_is_to_be_done(tree: Path, title: str) -> None:
    told = section(PAGE, title)
    blocks = written(told)
    for block in blocks:
        applied(block, tree)
    for line in commands(told):
        done = run(tree, typed(line))
        assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-1_000:]
        assert "pytest" not in line or int(PASSED.findall(done.stdout)[-1]) > 10
    python = [block.path for block in blocks if block.path.endswith(".py")]
    for linter in (["check"], ["format", "--check"]):
        done = run(tree, [".venv/bin/ruff", *linter, *python])
        assert done.returncode == 0, done.stdout


@every_section
def test_a_mistake_in_what_was_copied_fails_in_its_suite(tree: Path, title: str) -> None:
    right, wrong = MISTAKES[title]
    blocks = written(section(PAGE, title))
    assert sum(right in block.text for block in blocks) == 1
    for block in blocks:
        applied(Block(block.path, block.language, block.text.replace(right, wrong)), tree)
    [suite] = [line for line in commands(section(PAGE, title)) if line.endswith("-k acme")]
    assert " failed" in run(tree, [*typed(suite), "-x"]).stdout
