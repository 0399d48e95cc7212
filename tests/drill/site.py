"""What the drill watches: the pipeline as `leadstream up` runs it, on three nodes of Apache Kafka, with traffic."""

import asyncio
import itertools
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import aiohttp

from streams.cli.stack import Stack
from streams.demo.generator import generate
from streams.demo.ledger import Ledger
from streams.demo.senders import Keys, Senders, sendgrid_key
from streams.runtime.process import Process
from streams.runtime.provider import Wish
from streams.runtime.redis import start_redis
from tests.chaos.cluster import Cluster
from tests.chaos.neighbours import SECRET, Crm

PROCESSES = 2
RATE, EVENTS = 8.0, 2_000  # events a second; events made at a time
DISK_MIB = 192
TICK_S = 0.2
OK = 200
FAST = {  # what the pipeline does by the clock, a second standing for many
    "LEADSTREAM_PROBE_EVERY_S": "1",
    "LEADSTREAM_CANARY_EVERY_S": "2",
    "LEADSTREAM_AUDIT_GRACE_S": "3",
    "LEADSTREAM_ACK_DEADLINE_S": "10",  # three brokers share the cores with all else
    "LEADSTREAM_WEBHOOK_TIMEOUT_S": "1",
}


class Site:
    """Everything, started together and stopped together. `kept` tells whether whoever ends is started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.disk = folder / "state"
        self.kept = True
        self.crm = Crm()

    async def start(self) -> None:
        """Start all of it, and the traffic. Raises `StartError`; `CalledProcessError` where no disk can be mounted."""
        self.disk.mkdir(parents=True)
        _run("mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "leadstream-drill", str(self.disk))
        self.cluster = Cluster(self._folder / "kafka")
        os.environ.pop("REDIS_URL", None)  # ours alone may be killed
        self.redis = start_redis(Wish(self._folder / "redis"))
        os.environ["REDIS_URL"] = self.redis.url
        private, public = sendgrid_key()
        self.stack = Stack(
            bootstrap=self.cluster.bootstrap,
            processes=PROCESSES,
            data_dir=self._folder / "stack",
            probe=True,
            environ={
                **FAST,
                "LEADSTREAM_REPLICATION": "3",
                "LEADSTREAM_STATE_DIR": str(self.disk),
                "LEADSTREAM_SENDGRID_PUBLIC_KEY": public,
                "LEADSTREAM_SINK": "webhook",
                "LEADSTREAM_WEBHOOK_URL": await self.crm.start(),
                "LEADSTREAM_WEBHOOK_SECRET": SECRET,
            },
        )
        self.stack.start()  # in this thread: children are on a leash to the one that starts them
        key, google = self.stack.key("LEADSTREAM_WRITE_KEYS"), self.stack.environ["LEADSTREAM_GOOGLE_KEY"]
        self.keys = Keys(key, self.stack.key("LEADSTREAM_CRM_KEYS"), google, private)
        self._tasks = [asyncio.create_task(self._send()), asyncio.create_task(self._tend())]

    async def stop(self) -> None:
        """End all of it; what a fault has left is put right first."""
        for task in getattr(self, "_tasks", ()):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        if hasattr(self, "stack"):
            self.signal(signal.SIGCONT, *self.workers(), *self._supervisor())
            self.stack.stop()
            await self.crm.stop()
        if hasattr(self, "redis"):
            self.redis.stop()
        if hasattr(self, "cluster"):
            self.cluster.stop()
        with suppress(subprocess.CalledProcessError):
            _run("umount", "--lazy", str(self.disk))

    def targets(self) -> dict[str, list[str]]:
        """Return where each job's processes show their metrics."""
        found = {name: [self.stack.metrics(name).split("/")[2]] for name in self.stack.children}
        host, _, port = found["worker"][0].rpartition(":")
        found["worker"] = [f"{host}:{int(port) + number}" for number in range(PROCESSES)]
        return found

    async def answers(self, job: str) -> None:
        """Return once the first of a job's processes shows its metrics."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2.0)) as session:
            while True:
                with suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(f"http://{self.targets()[job][0]}/metrics") as answer:
                        if answer.status == OK:
                            return
                await asyncio.sleep(TICK_S)

    def part(self, name: str) -> Process:
        """Return one of the processes: collector, worker (which keeps the workers), relay, view, probe."""
        return self.stack.children[name]

    def workers(self) -> list[int]:
        """Return the ids of the workers' processes."""
        found = []
        for keeper in self._supervisor():
            with suppress(OSError):
                told = Path(f"/proc/{keeper}/task/{keeper}/children").read_text()
                found += [int(pid) for pid in told.split()]
        return found

    def server(self) -> Process:
        """Return Redis' own process."""
        found = self.redis.nodes[0]
        assert isinstance(found, Process)
        return found

    def signal(self, number: signal.Signals, *pids: int) -> None:
        """Send processes a signal, those that live."""
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _supervisor(self) -> list[int]:
        pid = self.stack.children["worker"].pid if "worker" in self.stack.children else None
        return [pid] if pid is not None else []

    async def _send(self) -> None:
        """Send made-up events, without an end."""
        for seed in itertools.count(1):
            sends = await asyncio.to_thread(lambda seed=seed: list(generate(seed, EVENTS, time.time())))  # type: ignore[misc]
            await Senders(self.stack.url, self.keys, RATE).play(sends, Ledger())

    async def _tend(self) -> None:
        """Start again whoever has ended, as a supervisor does."""
        while True:
            if self.kept:
                self.stack.tend()
            await asyncio.sleep(TICK_S)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
