"""The embedded dev broker itself: where it listens, when it ends, what it keeps."""

import subprocess
from pathlib import Path

import pytest

from streams.runtime.embedded import BINARY, EmbeddedBroker
from streams.runtime.provider import Wish


@pytest.fixture
def binary() -> str:
    reason = EmbeddedBroker({}).available()
    if reason:
        pytest.skip(reason)
    return str(BINARY)


@pytest.mark.parametrize("address", ["0.0.0.0:19092", "192.0.2.1:19092", ":19092", "127.0.0.1:x"])
def test_it_refuses_any_address_but_this_machine(binary: str, address: str) -> None:
    done = subprocess.run((binary, f"-listen={address}"), capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 1
    assert "want 127.0.0.1:PORT" in done.stderr


def test_it_ends_when_the_one_who_holds_its_stdin_is_gone(binary: str) -> None:
    command = (binary, "-listen=127.0.0.1:0", "-exit-on-stdin-close")
    done = subprocess.run(command, input="", capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 0
    assert '"bootstrap":"127.0.0.1:' in done.stdout


def test_it_never_calls_itself_kafka(binary: str, tmp_path: Path) -> None:
    handle = EmbeddedBroker({"LEADSTREAM_DEVBROKER_BIN": binary}).start(Wish(tmp_path))
    handle.stop()
    assert handle.version.startswith("embedded dev broker (kfake ")
    assert "Apache" not in handle.version
