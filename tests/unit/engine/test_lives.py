"""How a worker's lives ended is known to the next one: in real processes, which end in every way there is."""

import subprocess
import sys
from pathlib import Path

import pytest

from streams.engine.exits import Exit
from streams.engine.lives import REASONS, Lives

LIVE = """
import os, signal, sys
from pathlib import Path
from streams.engine.exits import Exit, leave
from streams.engine.lives import Lives
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with Lives(Path(sys.argv[1])) as lives:
    print({why: count for why, count in lives.ended.items() if count}, flush=True)
    exec(sys.argv[2])
"""
WAYS = {
    "pass": {},
    "os.kill(os.getpid(), signal.SIGTERM)": {},
    "os.kill(os.getpid(), signal.SIGINT)": {},
    "os.kill(os.getpid(), signal.SIGKILL)": {"killed": 1},
    "os.abort()": {"killed": 1},
    "raise RuntimeError": {"other": 1},
} | {f"leave(Exit.{code.name}, 'why')": {code.reason: 1} for code in Exit}


def live(file: Path, until: str) -> str:
    """Live once, to that end; what the life knew of those before it."""
    command = [sys.executable, "-c", LIVE, str(file), until]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout.strip()


def known(file: Path) -> dict[str, int]:
    """What a next life counts."""
    with Lives(file) as lives:
        return {why: count for why, count in lives.ended.items() if count}


@pytest.mark.parametrize("way", WAYS)
def test_the_next_life_knows_how_the_last_one_ended(tmp_path: Path, way: str) -> None:
    assert live(tmp_path / "exits" / "w", way) == "{}"
    assert known(tmp_path / "exits" / "w") == WAYS[way]


def test_lives_add_up_and_those_that_ended_as_told_are_not_among_them(tmp_path: Path) -> None:
    kill = "os.kill(os.getpid(), signal.SIGKILL)"
    for way in (kill, "leave(Exit.FENCED, '')", "pass", kill, "pass"):
        live(tmp_path / "w", way)
    assert known(tmp_path / "w") == {"killed": 2, "fenced": 1}


def test_every_reason_is_there_before_anything_has_ended() -> None:
    with Lives(None) as lives:
        assert lives.ended == dict.fromkeys(REASONS, 0)
    assert {*REASONS} == {code.reason for code in Exit} | {"killed", "other"}


@pytest.mark.parametrize("odd", ["", "killed", "killed   \n[]", 'killed   \n{"fenced": "x"}', "\0" * 40])
def test_a_file_that_is_none_of_ours_counts_nothing_and_is_written_anew(tmp_path: Path, odd: str) -> None:
    (tmp_path / "w").write_text(odd)
    assert known(tmp_path / "w") == {}
    live(tmp_path / "w", "os.kill(os.getpid(), signal.SIGKILL)")
    assert known(tmp_path / "w") == {"killed": 1}


def test_a_folder_that_cannot_be_written_ends_nobody_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Lives(tmp_path / "new" / "w"):
        assert caplog.messages == []
    (tmp_path / "file").write_text("")
    with Lives(tmp_path / "file" / "w") as lives:
        assert set(lives.ended.values()) == {0}
    assert caplog.messages == ["no note can be kept of how this worker ends"]


def test_a_full_disk_does_not_hide_why_a_worker_left(tmp_path: Path) -> None:
    """A reason is written over what is there: the file grows by nothing, and needs no room."""
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (Path(sys.argv[1]).stat().st_size,) * 2);"
    live(tmp_path / "w", f"{full} leave(Exit.STATE, 'the disk is full')")
    assert known(tmp_path / "w") == {"state": 1}
