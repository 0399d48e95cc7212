"""Keeping child processes alive: one that exits is started again, after 1 s at first, 10 s at most, without a limit."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from streams.runtime.process import leash

__all__ = ["Child", "Keeper", "Twin", "keep"]

log = logging.getLogger(__name__)
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 10.0
SETTLED_S = 60.0  # whoever has lived so long is forgiven earlier deaths
TICK_S = 0.2


class Child(Protocol):
    """A process that can be started again."""

    @property
    def running(self) -> bool:
        """Whether it lives."""

    def start(self) -> None:
        """Start it, or start it again."""

    def stop(self, timeout: float) -> None:
        """End it in good order, by force after `timeout` seconds."""


class Keeper:
    """Watches one child that has been started at `now`, and starts it again when it has exited."""

    def __init__(self, child: Child, now: float) -> None:
        self.child = child
        self._born = now
        self._wait_s = FIRST_WAIT_S
        self._due: float | None = None

    def tend(self, now: float) -> float | None:
        """Start the child again when its time has come. Returns the seconds until then when it was just found dead."""
        if self.child.running:
            return None
        if self._due is None:
            if now - self._born >= SETTLED_S:
                self._wait_s = FIRST_WAIT_S
            wait_s, self._wait_s = self._wait_s, min(self._wait_s * 2, LONGEST_WAIT_S)
            self._due = now + wait_s
            return wait_s
        if now >= self._due:
            self.child.start()
            self._born, self._due = now, None
        return None


class Twin:
    """A copy of this program that writes where we write."""

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
        self._command = (sys.executable, "-m", "streams", *arguments)
        self._environ = {**os.environ, **environ}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether it lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, or start it again."""
        # A session of its own: Ctrl-C is ours to hear, so that all children end in order.
        self._process = subprocess.Popen(
            self._command,
            env=self._environ,
            start_new_session=True,
            preexec_fn=leash(),  # noqa: PLW1509 - no threads run here
        )

    def stop(self, timeout: float) -> None:
        """End it in good order, by force after `timeout` seconds."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def keep(children: Mapping[str, Child], patience_s: float = 30.0) -> None:
    """Run the children until SIGTERM or SIGINT, then end them all."""
    ending: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda caught, _: ending.append(caught))
    keepers = {}
    for name, child in children.items():
        child.start()
        keepers[name] = Keeper(child, time.monotonic())
    try:
        while not ending:
            for name, keeper in keepers.items():
                wait_s = keeper.tend(time.monotonic())
                if wait_s is not None:
                    log.warning("it exited and is started again", extra={"child": name, "wait_s": wait_s})
            time.sleep(TICK_S)
    finally:
        for child in children.values():
            child.stop(patience_s)
