"""Whoever is told: takes Alertmanager's webhooks, pages at one door and tickets at another; notes when they came."""

import time
from typing import NamedTuple

import msgspec
from aiohttp import web


class Told(NamedTuple):
    """An alert that reached somebody: its name, `page` or `ticket`, and when (monotonic seconds)."""

    alert: str
    severity: str
    at: float


class _Alert(msgspec.Struct):
    labels: dict[str, str]
    status: str


class _Notice(msgspec.Struct):
    alerts: list[_Alert]


_notice = msgspec.json.Decoder(_Notice)


class Desk:
    """Listens on 127.0.0.1 once started."""

    def __init__(self) -> None:
        self.told: list[Told] = []

    async def start(self) -> None:
        """Listen."""
        app = web.Application()
        app.router.add_post("/{severity}", self._take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()

    def url(self, severity: str) -> str:
        """Where notices of this urgency go."""
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}/{severity}"

    async def stop(self) -> None:
        """Hang up."""
        await self._runner.cleanup()

    def since(self, moment: float) -> dict[str, Told]:
        """Return what was told since a moment: of each alert the first time."""
        found: dict[str, Told] = {}
        for it in self.told:
            if it.at >= moment:
                found.setdefault(it.alert, it)
        return found

    async def _take(self, request: web.Request) -> web.Response:
        now, severity = time.monotonic(), request.match_info["severity"]
        for alert in _notice.decode(await request.read()).alerts:
            if alert.status == "firing":
                self.told.append(Told(alert.labels["alertname"], severity, now))
        return web.Response()
