"""Who is measured, and how each is run: a process of its own, that reports on itself and is ended by us if need be."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from streams.runtime.process import leash
from tests.pipeline import ROOT

QUIX = ROOT / "build" / "quix" / "bin" / "python"  # made by `make bench`
PATIENCE_S = 900.0


class Spent(msgspec.Struct, frozen=True):
    """What a process spent on `events` raw events: CPU and wall seconds, the longest pause, its largest size."""

    events: int
    steps: int
    cpu_s: float
    wall_s: float
    pause_s: float
    rss_mib: float

    @property
    def cpu_us(self) -> float:
        """CPU microseconds per raw event."""
        return self.cpu_s / self.events * 1e6

    @property
    def per_s(self) -> float:
        """Raw events per second of wall time."""
        return self.events / self.wall_s


class Engine(NamedTuple):
    """One engine: `share` of the load that it gets, since the slow ones would take minutes; `exact` = exactly once."""

    name: str
    guarantee: str
    module: str
    arguments: tuple[str, ...] = ()
    share: float = 1.0
    exact: bool = False
    python: Path = Path(sys.executable)

    @property
    def title(self) -> str:
        """Name and guarantee."""
        return f"{self.name}, {self.guarantee}"

    def measure(self, source: str, events: int) -> Spent:
        """Run it over so many events; `source` is the broker's address. Raises `CalledProcessError`."""
        line = self._command(source, events)
        done = subprocess.run(
            line, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True, timeout=PATIENCE_S, preexec_fn=leash()
        )
        return msgspec.convert(json.loads(done.stdout.splitlines()[-1]), Spent)

    def running(self, source: str) -> AbstractContextManager[object]:
        """Let it run until we are done."""
        return running(self._command(source, 0))

    def _command(self, source: str, events: int) -> list[str]:
        return command(self.module, source, str(events), *self.arguments, python=self.python)


def command(module: str, *arguments: str, python: Path = Path(sys.executable)) -> list[str]:
    """Return the command that runs one of these modules, in silence about what libraries say of libraries."""
    return [str(python), "-W", "ignore", "-m", f"tests.benchmarks.{module}", *arguments]


@contextmanager
def running(line: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Let a process run until we are done. Raises `CalledProcessError` when it did not last."""
    leashed = leash()
    child = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.DEVNULL, preexec_fn=leashed)  # noqa: PLW1509 - as above
    try:
        yield child
        if child.poll() is not None:
            raise subprocess.CalledProcessError(child.returncode, line)
    finally:
        child.kill()
        child.wait()


FOLD = Engine("fold", "no Kafka", "pure")
OURS = Engine("leadstream", "exactly once", "ours", exact=True)
BARE = Engine("bare", "none", "bare")
STOCK = Engine("faust", "at least once", "stock", share=0.15)
QUIX_ONCE = Engine("quix", "exactly once", "quix", ("exactly-once", "1.0"), share=0.5, exact=True, python=QUIX)
QUIX_LEAST = Engine("quix", "at least once", "quix", ("at-least-once", "5.0"), share=0.5, python=QUIX)
ENGINES = (BARE, OURS, QUIX_LEAST, QUIX_ONCE, STOCK)
