"""A CRM's webhook endpoint for tests: a real HTTP server on 127.0.0.1 that keeps one lead for each webhook-id."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

__all__ = ["Receiver", "listening"]


@dataclass
class Receiver:
    """Answers `answers` in order, then 204. An answer is a status with its headers; `hang_s` delays every answer."""

    url: str = ""
    answers: list[tuple[int, Mapping[str, str]]] = field(default_factory=list)
    hang_s: float = 0.0
    posts: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    leads: dict[str, bytes] = field(default_factory=dict)
    at: dict[str, float] = field(default_factory=dict)  # when each was answered first, on the monotonic clock

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.posts.append((dict(request.headers), body))
        if self.hang_s:
            await asyncio.sleep(self.hang_s)
        status, headers = self.answers.pop(0) if self.answers else (204, {})
        if status < 300:
            self.leads[request.headers["webhook-id"]] = body
            self.at.setdefault(request.headers["webhook-id"], time.monotonic())
        return web.Response(status=status, headers=headers)


@asynccontextmanager
async def listening() -> AsyncIterator[Receiver]:
    """A receiver that listens for as long as the block lasts."""
    receiver, app = Receiver(), web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    receiver.url = f"http://{host}:{port}/leads"
    try:
        yield receiver
    finally:
        await runner.cleanup()
