"""Two collectors, as processes of their own, with the keys of the tests' senders."""

import asyncio
import sys
import urllib.error
import urllib.request
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from streams.demo.senders import Keys, sendgrid_key
from streams.runtime.process import free_port
from tests.chaos.child import Child
from tests.chaos.orders import VARIABLE
from tests.pipeline import PARTITIONS
from tests.traffic import PEPPER

PATIENCE_S = 60.0
ORDER = "collectors.order"  # the file in a run's folder by which one is told to die at a point


class Collector(Child):
    """One collector on a port of its own."""

    def __init__(self, number: int, bootstrap: str, folder: Path, public_key: str) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        environ = {
            VARIABLE: str(folder / ORDER),
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
        super().__init__((sys.executable, "-m", "tests.chaos.doomed"), environ, folder / f"collector{number}.log")

    async def ready(self) -> None:
        """Return when it takes events; an order that was left for another may end it before that."""
        for _ in range(int(PATIENCE_S / 0.1)):
            if not self.running:
                self.start()
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
        self.order = folder / ORDER
        self.all = [Collector(number, bootstrap, folder, public) for number in range(count)]

    async def start(self) -> None:
        """Start them and return when they take events."""
        for collector in self.all:
            collector.start()
        await asyncio.gather(*(collector.ready() for collector in self.all))

    def any_dead(self) -> bool:
        """Tell whether one has ended."""
        return any(not collector.running for collector in self.all)

    async def revive(self) -> None:
        """Start those again that have ended, and return when they take events."""
        dead = [collector for collector in self.all if not collector.running]
        for collector in dead:
            collector.start()
        await asyncio.gather(*(collector.ready() for collector in dead))

    def stop(self) -> None:
        """End them: what they have thanked for is stored, so there is nothing to wait for."""
        for collector in self.all:
            collector.kill()
