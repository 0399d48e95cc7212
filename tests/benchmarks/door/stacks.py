"""Who listens in the comparison: our collector, our application in another server, and plain doors."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from streams.runtime.process import free_port, leash
from tests.benchmarks.door.plain import KEY
from tests.pipeline import ROOT

PATIENCE_S = 60.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Stack(NamedTuple):
    """What is started, and the package without which it cannot be."""

    name: str
    what: str
    command: tuple[str, ...]
    package: str = ""

    @property
    def there(self) -> bool:
        """Whether it is installed."""
        return not self.package or find_spec(self.package) is not None

    @contextmanager
    def listening(self, bootstrap: str, log: Path) -> Iterator[tuple[int, int]]:
        """Run it; yields its port and process id."""
        port = free_port()
        environ = os.environ | {
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "LEADSTREAM_PEPPER": "a pepper for tests only",
            "LEADSTREAM_WRITE_KEYS": f"bench:{KEY}",
            "LEADSTREAM_COLLECTOR_PORT": str(port),
        }
        command = [sys.executable, "-W", "ignore", *(word.replace("PORT", str(port)) for word in self.command)]
        leashed = leash()
        with log.open("wb") as said:
            child = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=said, stderr=said, preexec_fn=leashed)  # noqa: PLW1509 - as there
        try:
            _await(port, child, log)
            yield port, child.pid
        finally:
            child.terminate()
            child.wait(20)


def _await(port: int, child: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and child.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
        except urllib.error.HTTPError as error:
            error.close()
            return  # it speaks
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"it does not listen: {log.read_text(errors='replace')[-2000:]}")


def cpu_s(pid: int) -> float:
    """Return what a process and its children have spent, seconds: all threads, in user and system mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    kids = [int(kid) for task in Path(f"/proc/{pid}/task").iterdir() for kid in (task / "children").read_text().split()]
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S + sum(map(cpu_s, kids))


OURS = "import os; from connectors.collector import run, CollectorSettings as S; run(S.read(os.environ))"
GRANIAN = ("-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", "PORT", "--loop", "uvloop")
STACKS = (
    Stack("leadstream", "our collector: raw ASGI on uvicorn, httptools and uvloop", ("-c", OURS)),
    Stack(
        "granian",
        "our application on Granian (Rust)",
        (*GRANIAN, "--factory", "tests.benchmarks.door.app:app"),
        "granian",
    ),
    Stack(
        "aiohttp",
        "a plain door: aiohttp, `json`, a future for each event",
        ("-m", "tests.benchmarks.door.plain", "aiohttp"),
    ),
    Stack("starlette", "the same door on Starlette and uvicorn", ("-m", "tests.benchmarks.door.plain", "starlette")),
)
