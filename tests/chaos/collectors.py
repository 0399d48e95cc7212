"""Two collectors, as processes of their own: `leadstream collector`, with the keys of the tests' senders."""

import asyncio
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from streams.demo.senders import Keys, sendgrid_key
from streams.runtime.process import free_port, leash
from tests.pipeline import PARTITIONS, ROOT
from tests.traffic import PEPPER

PATIENCE_S = 60.0


class Collector:
    """One collector on a port of its own."""

    def __init__(self, number: int, bootstrap: str, folder: Path, public_key: str) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / f"collector{number}.log"
        self._environ = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "LEADSTREAM_PARTITIONS": str(PARTITIONS),
            "LEADSTREAM_REPLICATION": "3",
            "LEADSTREAM_COLLECTOR_PORT": str(port),
            "LEADSTREAM_PEPPER": PEPPER.decode(),
            "LEADSTREAM_WRITE_KEYS": "chaos:write-key-of-tests",
            "LEADSTREAM_CRM_KEYS": "chaos:crm-key-of-tests",
            "LEADSTREAM_GOOGLE_KEY": "google-key-of-tests",
            "LEADSTREAM_SENDGRID_PUBLIC_KEY": public_key,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, or start it again; returns at once."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                (sys.executable, "-m", "streams", "collector"),
                cwd=ROOT,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=leash(),  # noqa: PLW1509 - one system call, looked up before the fork
            )

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    async def ready(self) -> None:
        """Return when it takes events."""
        for _ in range(int(PATIENCE_S / 0.1)):
            if await asyncio.to_thread(self._answers):
                return
            await asyncio.sleep(0.1)
        raise TimeoutError(f"the collector did not get ready; see {self.log}")

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2.0) as answer:
                return int(answer.status) == 200
        except (urllib.error.URLError, OSError):
            return False


class Collectors:
    """Two collectors and what senders need for them."""

    def __init__(self, bootstrap: str, folder: Path, count: int = 2) -> None:
        private: ec.EllipticCurvePrivateKey
        private, public = sendgrid_key()
        self.keys = Keys("write-key-of-tests", "crm-key-of-tests", "google-key-of-tests", private)
        self.all = [Collector(number, bootstrap, folder, public) for number in range(count)]

    async def start(self) -> None:
        """Start them and return when they take events."""
        for collector in self.all:
            collector.start()
        await asyncio.gather(*(collector.ready() for collector in self.all))

    def stop(self) -> None:
        """End them: what they have thanked for is stored, so there is nothing to wait for."""
        for collector in self.all:
            collector.kill()
