"""A process of a run: started with its words and its log, killed as a power cut would, never outliving us."""

import os
import signal
import subprocess
from pathlib import Path

from streams.runtime.process import leash
from tests.pipeline import ROOT


class Child:
    """One process that may be started again and again; all its lives write into one log."""

    def __init__(self, arguments: tuple[str, ...], environ: dict[str, str], log: Path) -> None:
        self._arguments, self._environ = arguments, {**os.environ, **environ}
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether there is a process, stopped or not."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start it, or start it again; returns at once."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._arguments,
                cwd=ROOT,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=leash(),  # noqa: PLW1509 - one system call, looked up before the fork
            )

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self.process is not None and self.running:
            os.kill(self.process.pid, number)

    def end(self, patience_s: float = 15.0) -> None:
        """Let it end in good order, by force when it does not."""
        self.send(signal.SIGTERM)
        if self.process is not None:
            try:
                self.process.wait(patience_s)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
