"""A child that exits is started again: soon at first, then less often, for ever."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from streams.cli.keeper import SETTLED_S, Keeper
from tests.wires import eventually


class Child:
    """Starts and dies when told."""

    def __init__(self) -> None:
        self.running, self.starts = True, 0

    def start(self) -> None:
        self.running, self.starts = True, self.starts + 1

    def stop(self, timeout: float) -> None:
        self.running = timeout < 0


def test_the_pauses_double_up_to_ten_seconds_and_never_end() -> None:
    child, now, pauses = Child(), 0.0, []
    keeper = Keeper(child, now)
    for _ in range(8):
        child.running = False
        pause = keeper.tend(now)
        assert pause is not None
        pauses.append(pause)
        assert keeper.tend(now + pause - 0.01) is None
        assert not child.running
        now += pause
        keeper.tend(now)
        assert child.running
    assert pauses == [1, 2, 4, 8, 10, 10, 10, 10]


def test_one_that_has_lived_long_is_forgiven() -> None:
    child = Child()
    keeper = Keeper(child, 0.0)
    child.running = False
    assert keeper.tend(1.0) == 1
    keeper.tend(2.0)
    child.running = False
    assert keeper.tend(3.0) == 2
    keeper.tend(5.0)
    child.running = False
    assert keeper.tend(5.0 + SETTLED_S) == 1


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


KEEP = """
import sys
from connectors import log
from streams.cli.keeper import Twin, keep
log.install("keeper", {}, sys.stdout)
keep({"one": Twin(["topics", "list"], {}), "other": Twin(["up", "--help"], {})})
"""


def test_children_that_exit_come_back_and_sigterm_ends_all() -> None:
    with subprocess.Popen([sys.executable, "-u", "-c", KEEP], stdout=subprocess.PIPE, text=True) as keeper:
        assert keeper.stdout is not None
        said: list[str] = []
        while sum("is started again" in line for line in said) < 3:
            said.append(keeper.stdout.readline())
        eventually(lambda: children_of(keeper.pid))
        left = children_of(keeper.pid)
        keeper.send_signal(signal.SIGTERM)
        assert keeper.wait(30) == 0
    time.sleep(0.05)
    assert [pid for pid in left if Path(f"/proc/{pid}").exists()] == []
