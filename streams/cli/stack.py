"""The whole of Leadstream on this machine: broker, Redis and our own processes, as children that end with us.

For trying it out (`leadstream demo`, `leadstream up`): secrets are made up, and everything listens on 127.0.0.1.
"""

import base64
import json
import os
import secrets
import shutil
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from connectors import kafka
from connectors.settings import Connection
from streams.cli.keeper import Keeper
from streams.runtime.broker import start_broker
from streams.runtime.external import GivenBroker
from streams.runtime.handle import Handle
from streams.runtime.process import Process, StartError, free_port
from streams.runtime.provider import Wish
from streams.runtime.redis import start_redis

__all__ = ["Part", "Stack"]

PATIENCE_S = 60.0
WHAT = {
    "collector": "takes events over HTTP",
    "worker": "resolves, scores and routes",
    "relay": "hands routed leads to your CRM",
    "view": "keeps leads ready to be looked up",
}


PROBE = {"probe": "watches from outside"}
READY = {"worker": "readyz", "relay": "metrics", "view": "metrics", "probe": "metrics"}


class Part(NamedTuple):
    """One thing that runs: what it is, where it listens, and where it writes its log."""

    name: str
    what: str
    where: str
    log: Path | None = None


class Stack:
    """Everything that Leadstream needs, started and stopped together.

    `bootstrap` uses a broker that runs already, else `broker` names the one to start ("auto" = the first to be had).
    `environ` overrides the settings made up here; `environ` the attribute is what the children were told, so that
    `CollectorSettings.read(stack.environ)` reads the same. Without `data_dir` everything is gone after `stop`.
    Raises `UnavailableError` or `StartError` from `start`, having stopped what ran.
    """

    def __init__(
        self,
        *,
        bootstrap: str = "",
        broker: str = "auto",
        redis: str = "auto",
        processes: int = 1,
        port: int = 0,
        data_dir: Path | None = None,
        environ: Mapping[str, str] | None = None,
        probe: bool = False,
    ) -> None:
        self._what = WHAT | PROBE if probe else WHAT
        self._ports: dict[str, int] = {}
        self.environ: dict[str, str] = {}
        self.parts: list[Part] = []
        self.children: dict[str, Process] = {}
        self._wanted = dict(environ or {})
        self._bootstrap, self._broker, self._redis = bootstrap, broker, redis
        self._processes = processes
        self._port = port
        self._thrown_away = data_dir is None
        self._data_dir = data_dir
        self._servers: list[Handle] = []
        self._keepers: dict[str, Keeper] = {}

    @property
    def url(self) -> str:
        """Where the collector takes events."""
        return f"http://127.0.0.1:{self.environ['LEADSTREAM_COLLECTOR_PORT']}"

    def metrics(self, part: str) -> str:
        """Where a part says how it is: the first of them, where there are several workers."""
        return f"{self.url}/metrics" if part == "collector" else f"http://127.0.0.1:{self._ports[part]}/metrics"

    def key(self, setting: str) -> str:
        """Return the first key of a setting that holds several: `stack.key("LEADSTREAM_WRITE_KEYS")`."""
        return self.environ[setting].split(",")[0].partition(":")[2]

    def start(self, tell: Callable[[Part], None] = lambda _: None) -> None:
        """Start everything and return when it serves; `tell` is called with each part as it comes up."""
        try:
            self._start(tell)
        except BaseException:  # also Ctrl-C: nothing may be left running
            self.stop()
            raise

    def tend(self) -> list[str]:
        """Start again what has exited, each after a pause. Returns sentences about what was found."""
        told = []
        for name, keeper in self._keepers.items():
            wait_s = keeper.tend(time.monotonic())
            if wait_s is not None:
                told.append(f"{name} exited; it is started again in {wait_s:.0f} s; its log: {self.children[name].log}")
        return told

    def stop(self) -> None:
        """Stop everything, the doors first, the broker last."""
        self._keepers.clear()
        for child in self.children.values():
            child.stop()
        while self._servers:
            self._servers.pop().stop()
        if self._thrown_away and self._data_dir is not None:
            shutil.rmtree(self._data_dir, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self, tell: Callable[[Part], None]) -> None:
        folder = self._data_dir = self._data_dir or Path(tempfile.mkdtemp(prefix="leadstream-"))
        folder.mkdir(parents=True, exist_ok=True)
        wish = Wish(folder / "broker")
        given = GivenBroker({"KAFKA_BOOTSTRAP_SERVERS": self._bootstrap})
        broker = given.start(wish) if self._bootstrap else start_broker(wish, self._broker)
        self._servers.append(broker)
        self._add(Part("broker", broker.version, broker.bootstrap), tell)
        redis = start_redis(Wish(folder / "redis"), self._redis)
        self._servers.append(redis)
        self._add(Part("redis", redis.version, redis.url), tell)
        self.environ = (
            _secrets(folder / "secrets.json")
            | ({} if os.environ.get("LEADSTREAM_WEBHOOK_URL") else {"LEADSTREAM_SINK": "memory"})
            | {
                "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap,
                "REDIS_URL": redis.url,
                "LEADSTREAM_COLLECTOR_HOST": "127.0.0.1",
                "LEADSTREAM_METRICS_HOST": "127.0.0.1",
                "LEADSTREAM_EXITS_DIR": str(folder / "exits"),
                "LEADSTREAM_EGRESS_ALLOW": os.environ.get("LEADSTREAM_EGRESS_ALLOW", "127.0.0.1,::1"),
                "LEADSTREAM_COLLECTOR_PORT": str(self._port or free_port()),
            }
            | self._wanted
        )
        if "LEADSTREAM_CANARY_KEYS" in self.environ:  # an older folder has none
            self.environ["LEADSTREAM_CANARY_KEY"] = self.key("LEADSTREAM_CANARY_KEYS")
        self.environ["LEADSTREAM_COLLECTOR_URL"] = self.url
        kafka.ensure(Connection.read({**os.environ, **self.environ}))
        ports = self._ports = {name: free_port() for name in self._what}
        for name in self._what:
            arguments = ("--processes", str(self._processes)) if name == "worker" else ()
            self.children[name] = self._child(name, arguments, ports[name], folder)
        for name, child in self.children.items():
            health = f"{self.url}/readyz" if name == "collector" else f"http://127.0.0.1:{ports[name]}/{READY[name]}"
            _wait(name, child, health)
            self._keepers[name] = Keeper(child, time.monotonic())
            self._add(Part(name, self._what[name], self.url if name == "collector" else health, child.log), tell)

    def _add(self, part: Part, tell: Callable[[Part], None]) -> None:
        self.parts.append(part)
        tell(part)

    def _child(self, name: str, arguments: tuple[str, ...], metrics_port: int, folder: Path) -> Process:
        child = Process(
            command=(sys.executable, "-m", "streams", name, *arguments),
            log=folder / f"{name}.log",
            ready="",
            environ={**self.environ, "LEADSTREAM_METRICS_PORT": str(metrics_port)},
        )
        child.start()
        return child


def _secrets(kept: Path) -> dict[str, str]:
    """Keys made up for this data folder, where none is set: kept there, since another pepper would make other ids."""
    if not kept.exists():
        made = {
            "LEADSTREAM_PEPPER": secrets.token_hex(16),
            "LEADSTREAM_SNAPSHOT_KEY": secrets.token_hex(16),
            "LEADSTREAM_WRITE_KEYS": f"dev:{secrets.token_urlsafe(12)}",
            "LEADSTREAM_CRM_KEYS": f"crm:{secrets.token_urlsafe(12)}",
            "LEADSTREAM_GOOGLE_KEY": secrets.token_urlsafe(12),
            "LEADSTREAM_CANARY_KEYS": f"probe:{secrets.token_urlsafe(24)}",
            "LEADSTREAM_WEBHOOK_SECRET": "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(),
        }
        with os.fdopen(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(made, file)
    found: dict[str, str] = json.loads(kept.read_text())
    return {name: os.environ.get(name) or made_up for name, made_up in found.items()}


def _wait(name: str, child: Process, health: str) -> None:
    """Return once `health` answers 200. Raises `StartError` with the end of the log when the child dies or dawdles."""
    deadline = time.monotonic() + PATIENCE_S
    while not _answers(health):
        if not child.running or time.monotonic() > deadline:
            tail = "\n".join(child.said().splitlines()[-15:])
            raise StartError(f"{name} did not start; the end of its log:\n{tail}")
        time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2.0) as answer:  # noqa: S310 - an address of ours
            return int(answer.status) == 200
    except (urllib.error.URLError, OSError):
        return False
