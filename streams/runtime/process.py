"""Child processes that never outlive us: started on a leash, ended in good order, by force when that takes too long."""

import atexit
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Process", "StartError", "free_port", "leash"]

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class StartError(Exception):
    """A server did not come up; the text carries the end of its log."""


def free_port() -> int:
    """A TCP port on 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Process:
    """One server process: its command, its log file, and the words there that say it serves.

    It ends when we end: by the kernel on Linux, by its stdin closing where it watches that, by `atexit` anyway.
    """

    command: tuple[str, ...]
    log: Path
    ready: str
    patience: float = 30.0
    environ: Mapping[str, str] | None = None
    _child: "subprocess.Popen[bytes] | None" = field(default=None, init=False, repr=False)
    _said_before: int = field(default=0, init=False, repr=False)

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return None if self._child is None else self._child.pid

    @property
    def running(self) -> bool:
        """Whether it lives."""
        return self._child is not None and self._child.poll() is None

    def start(self) -> None:
        """Start it; returns at once."""
        if self._child is not None and not self.running:
            self._reap()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._said_before = log.tell()
            self._child = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=None if self.environ is None else {**os.environ, **self.environ},
                start_new_session=True,  # Ctrl-C is ours to hear first, so that we stop things in order
                preexec_fn=leash(),  # noqa: PLW1509 - one system call, looked up before the fork
            )
        atexit.register(self.stop)

    def wait(self) -> None:
        """Return once it serves; raises `StartError` when it dies first or takes longer than `patience` seconds."""
        deadline = time.monotonic() + self.patience
        while self.ready not in self.said():
            if self._child is None or self._child.poll() is not None or time.monotonic() > deadline:
                self.kill()
                tail = "\n".join(self.said().splitlines()[-15:])
                raise StartError(f"{Path(self.command[0]).name} did not start; the end of {self.log}:\n{tail}")
            time.sleep(0.01)

    def said(self) -> str:
        """What it has written since its last start."""
        with self.log.open("rb") as log:
            log.seek(self._said_before)
            return log.read().decode(errors="replace")

    def stop(self, timeout: float = 10.0) -> None:
        """Ask it to end and wait `timeout` seconds, then end it by force."""
        child = self._child
        if child is not None and child.poll() is None:
            child.terminate()
            try:
                child.wait(timeout)
            except subprocess.TimeoutExpired:
                child.kill()
        self._reap()

    def kill(self) -> None:
        """SIGKILL, now."""
        if self._child is not None:
            self._child.kill()
        self._reap()

    def _reap(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.wait()
        if child.stdin is not None:
            child.stdin.close()
        atexit.unregister(self.stop)


def leash() -> Callable[[], None] | None:
    """Ask Linux to end the child with us. The kernel watches the starting thread, so only the main one may ask."""
    libc = _LIBC
    if libc is None or threading.current_thread() is not threading.main_thread():
        return None
    prctl = libc.prctl  # looked up before the fork: nothing may be loaded after it
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
