"""A worker that must not go on ends at once, with a code of its own that says why."""

import subprocess
import sys
from pathlib import Path

import pytest

from streams.engine.exits import Exit
from tests.unit.engine.ends import WAYS


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """With which code each has ended, and what it said."""
    folder = tmp_path_factory.mktemp("ends")
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.engine.ends", str(folder)],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    codes = map(int, done.stdout.split())
    return {way: (code, (folder / way).read_text()) for way, code in zip(WAYS, codes, strict=True)}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_end_has_its_code_and_says_it_last(way: str, ended: dict[str, tuple[int, str]]) -> None:
    code, said = ended[way]
    assert code == WAYS[way][0], said[-2000:]
    if way != "nobody reads what it says":
        assert "worker leaves" in said.splitlines()[-1]


def test_every_code_is_reached() -> None:
    assert {code for code, _ in WAYS.values()} == set(Exit)
