"""A worker that must not go on ends at once, with a code of its own that says why."""

import subprocess
import sys
from pathlib import Path

import pytest

from streams.engine.exits import Exit
from tests.unit.engine.ends import WAYS


@pytest.mark.parametrize(("way", "code"), [(way, code) for way, (code, _) in WAYS.items()], ids=WAYS)
def test_each_way_to_end_has_its_code_and_says_it_last(way: str, code: Exit, repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.engine.ends", way],
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == code, done.stderr[-2000:]
    assert "worker leaves" in done.stderr.splitlines()[-1]


def test_every_code_is_reached() -> None:
    assert {code for code, _ in WAYS.values()} == set(Exit)
