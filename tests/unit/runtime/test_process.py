import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streams.runtime.process import Process, StartError, free_port

SLEEPER = (sys.executable, "-c", "import time; print('serving', flush=True); time.sleep(600)")
PARENT = """
import sys, time
from pathlib import Path
from streams.runtime.process import Process
child = Process(tuple(sys.argv[2:]), Path(sys.argv[1]), "serving")
child.start()
child.wait()
print(child.pid, flush=True)
time.sleep(600)
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "zombie" not in Path(f"/proc/{pid}/status").read_text()


def test_a_server_is_ready_once_it_has_said_so(tmp_path: Path) -> None:
    process = Process(SLEEPER, tmp_path / "log", "serving")
    process.start()
    process.wait()
    assert process.pid is not None
    process.stop()
    assert process.pid is None


def test_a_restarted_server_is_not_taken_as_ready_by_what_it_said_before(tmp_path: Path) -> None:
    process = Process(SLEEPER, tmp_path / "log", "serving")
    process.start()
    process.wait()
    process.kill()
    process.start()
    process.wait()
    assert process.said() == "serving\n"
    process.stop()
    assert (tmp_path / "log").read_text() == "serving\nserving\n"


def test_a_server_that_dies_at_its_start_leaves_its_last_words_in_the_error(tmp_path: Path) -> None:
    process = Process((sys.executable, "-c", "raise SystemExit('no such folder')"), tmp_path / "log", "serving")
    process.start()
    with pytest.raises(StartError, match="no such folder"):
        process.wait()


def test_a_server_that_ignores_sigterm_is_ended_by_force(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('serving', flush=True); time.sleep(600)"
    process = Process((sys.executable, "-c", deaf), tmp_path / "log", "serving")
    process.start()
    process.wait()
    pid = process.pid
    process.stop(timeout=0.2)
    assert pid is not None
    assert not alive(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with a killed parent")
def test_a_server_dies_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    command = (sys.executable, "-c", PARENT, str(tmp_path / "log"), *SLEEPER)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(pid)


def test_free_ports_are_above_the_privileged_ones() -> None:
    assert all(free_port() >= 1024 for _ in range(20))
