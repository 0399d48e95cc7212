"""Keeps workers alive as a supervisor would, and counts how they ended."""

import asyncio
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from tests.benchmarks.process import rss_mib
from tests.chaos.child import Child
from tests.chaos.subjects import ORDER, Subject

REBORN_S = 0.5
TICK_S = 0.05
WEIGH_S = 1.0
NOTHING: Mapping[str, bool] = MappingProxyType({})


class Weight(NamedTuple):
    """What a worker's process weighed at a moment (monotonic seconds)."""

    at: float
    name: str
    mib: float


class Kept(Child):
    """One worker: its process, and whether it is to live."""

    def __init__(
        self, subject: Subject, name: str, bootstrap: str, folder: Path, state: str, *, told: Mapping[str, bool]
    ) -> None:
        arguments, environ = subject.command(bootstrap, name, folder, state)
        flags = {variable: "1" if flag else "" for variable, flag in told.items()}
        self.log = folder / f"{name}.log"
        super().__init__(arguments, environ | flags, self.log)
        self.name = name
        self.wanted = False
        self.died_at = 0.0
        self.lives: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start it, or start it again: from now on it is to live."""
        self.wanted = True
        super().start()
        if self.process is not None:
            self.lives.append(self.process)

    def bury(self, process: subprocess.Popen[bytes]) -> None:
        """Have no process any more, if this one, which has ended, is still the last."""
        if self.process is process:
            self.process, self.died_at = None, time.monotonic()

    def asleep(self) -> bool:
        """Tell whether the kernel has it stopped, whoever stopped it."""
        if self.process is None or not self.running:
            return False
        return Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


class Keeper:
    """All workers of a run."""

    def __init__(
        self,
        subject: Subject,
        bootstrap: str,
        folder: Path,
        count: int,
        state: str,
        *,
        told: Mapping[str, bool] = NOTHING,
    ) -> None:
        """`told` = which flags are set in the environment of each."""
        self.subject = subject
        self._bootstrap, self._folder, self._state, self._told = bootstrap, folder, state, told
        self.order = folder / ORDER
        self.disk = folder / "state"  # where all keep what they keep on disk
        self.workers: dict[str, Kept] = {}
        for _ in range(count):
            self._new()
        self.weights: list[Weight] = []

    @property
    def ends(self) -> Counter[int]:
        """How lives have ended, by exit code: -9 is a kill, 70 a worker that found itself fenced."""
        lives = [process for worker in self.workers.values() for process in worker.lives]
        return Counter(process.returncode for process in lives if process.poll() is not None)

    def add(self) -> Kept:
        """Start one more worker."""
        worker = self._new()
        worker.start()
        return worker

    def any(self, rng: random.Random) -> Kept:
        """Return one that lives and is not stopped, or any when none does."""
        found = [worker for worker in self.workers.values() if worker.wanted and worker.running and not worker.asleep()]
        return rng.choice(found or [worker for worker in self.workers.values() if worker.wanted])

    def asleep(self) -> list[Kept]:
        """Return those that the kernel has stopped."""
        return [worker for worker in self.workers.values() if worker.asleep()]

    async def tend(self) -> None:
        """Start again, after half a second, whoever has ended, and weigh whoever lives; until cancelled."""
        weighed_at = 0.0
        while True:
            if time.monotonic() - weighed_at > WEIGH_S:
                weighed_at = time.monotonic()
                self._weigh(weighed_at)
            for worker in self.workers.values():
                if worker.process is not None and not worker.running:
                    worker.bury(worker.process)
                if worker.process is None and worker.wanted and time.monotonic() - worker.died_at > REBORN_S:
                    worker.start()
            await asyncio.sleep(TICK_S)

    async def leave(self, worker: Kept, patience_s: float = 30.0) -> None:
        """Let a worker end in good order, by force when it does not."""
        worker.wanted = False
        process = worker.process
        if process is None:
            return
        worker.send(signal.SIGCONT)
        worker.send(signal.SIGTERM)
        try:
            await asyncio.to_thread(process.wait, patience_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        worker.bury(process)

    async def stop(self) -> None:
        """Let all end."""
        await asyncio.gather(*(self.leave(worker) for worker in self.workers.values()))

    def _new(self) -> Kept:
        name = f"w{len(self.workers)}"
        kept = self.workers[name] = Kept(
            self.subject, name, self._bootstrap, self._folder, self._state, told=self._told
        )
        return kept

    def _weigh(self, now: float) -> None:
        for worker in self.workers.values():
            if worker.process is not None and worker.running:
                with suppress(OSError, KeyError):  # it ends at this very moment
                    self.weights.append(Weight(now, worker.name, rss_mib(worker.process.pid)[0]))
