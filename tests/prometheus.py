"""A real Prometheus and a real Alertmanager for tests, on 127.0.0.1, with the rules and the pace they are given."""

import json
import shutil
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from streams.runtime.process import Process, free_port

PACKAGES = {"prometheus": ("prometheus",), "prometheus-alertmanager": ("prometheus-alertmanager", "alertmanager")}
NOBODY = "127.0.0.1:9"


def missing() -> list[str]:
    """Return the Debian packages whose programs are not on the PATH."""
    return [package for package, names in PACKAGES.items() if not any(map(shutil.which, names))]


def program(package: str) -> str:
    """Return a package's program; distributions name Alertmanager's differently."""
    return next(name for name in PACKAGES[package] if shutil.which(name))


class Prometheus:
    """Scrapes `targets` (job to `host:port`s) every `every_s` seconds and evaluates `rules` as often."""

    def __init__(
        self,
        folder: Path,
        targets: Mapping[str, Sequence[str]],
        rules: Mapping[str, Any] | None = None,
        alertmanager: str = NOBODY,
        every_s: float = 1.0,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        pace = f"{every_s * 1000:.0f}ms"
        (folder / "rules.yml").write_text(yaml.safe_dump(rules or {"groups": []}))
        config = {
            "global": {"scrape_interval": pace, "scrape_timeout": pace, "evaluation_interval": pace},
            "rule_files": ["rules.yml"],
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": list(where)}]} for job, where in targets.items()
            ],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        self._process = Process(
            command=(
                program("prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ),
            log=folder / "prometheus.log",
            ready="Server is ready to receive web requests",
        )

    def start(self) -> None:
        """Start it and return when it serves. Raises `StartError`."""
        self._process.start()
        self._process.wait()

    def stop(self) -> None:
        """End it."""
        self._process.stop()

    def query(self, expr: str) -> list[dict[str, Any]]:
        """Return the series of an instant query, `value` = [time (s), text]."""
        found: list[dict[str, Any]] = self._get("query", query=expr)["result"]
        return found

    def query_range(self, expr: str, start: float, end: float, step_s: float) -> list[dict[str, Any]]:
        """Return the series of a query over a time, `values` = [[time (s), text], ...]."""
        found: list[dict[str, Any]] = self._get("query_range", query=expr, start=start, end=end, step=step_s)["result"]
        return found

    def alerts(self) -> dict[str, str]:
        """Return the alerts that fire, or are about to, and how urgent each is."""
        return {it["labels"]["alertname"]: it["labels"]["severity"] for it in self._get("alerts")["alerts"]}

    def _get(self, path: str, **asked: object) -> dict[str, Any]:
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(asked)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)["data"]
            return found


class Alertmanager:
    """Told by `config` whom to tell."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        (folder / "alertmanager.yml").write_text(yaml.safe_dump(dict(config)))
        self._process = Process(
            command=(
                program("prometheus-alertmanager"),
                f"--config.file={folder / 'alertmanager.yml'}",
                f"--storage.path={folder / 'kept'}",
                f"--web.listen-address={self.address}",
                "--cluster.listen-address=",
            ),
            log=folder / "alertmanager.log",
            ready="Listening on",
        )

    def start(self) -> None:
        """Start it and return when it serves. Raises `StartError`."""
        self._process.start()
        self._process.wait()

    def stop(self) -> None:
        """End it."""
        self._process.stop()
