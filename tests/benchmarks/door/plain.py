"""Doors as one writes them when nobody has measured: a framework, `json`, a future for each event. They promise less
than ours (no limits, no signatures but a write key, no drain), and the same: no 2xx before the broker has all of it.

`python -m tests.benchmarks.door.plain starlette|aiohttp` listens on LEADSTREAM_COLLECTOR_PORT.
"""

import asyncio
import base64
import json
import os
import sys
import threading
import uuid
from typing import Any

import uvicorn
from aiohttp import web
from confluent_kafka import KafkaError, Message, Producer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from connectors.kafka import producer
from connectors.settings import CollectorSettings
from schemas.topics import EVENTS_WEB

CALLS = ("identify", "track", "page", "group")
KEY = "wk-bench-1"


class Door:
    """What both frameworks call."""

    def __init__(self, client: Producer) -> None:
        self._producer = client
        threading.Thread(target=self._poll, daemon=True).start()

    def _poll(self) -> None:
        while True:
            self._producer.poll(0.1)

    async def take(self, path: str, authorization: str, given: Any) -> tuple[int, dict[str, object]]:
        """Write every event of a request; return the answer when the broker has all of them."""
        key = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")[0]
        if key != KEY:
            return 401, {"success": False}
        batch = given["batch"] if path.endswith("/batch") else [given]
        if not all(event.get("userId") or event.get("anonymousId") for event in batch):
            return 400, {"success": False}
        try:
            await asyncio.wait_for(asyncio.gather(*(self._write(event) for event in batch)), 5)
        except (TimeoutError, BufferError, RuntimeError):
            return 503, {"success": False}
        return 200, {"success": True}

    def _write(self, event: dict[str, Any]) -> "asyncio.Future[None]":
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def told(error: KafkaError | None, _: Message) -> None:
            loop.call_soon_threadsafe(settle, error)

        def settle(error: KafkaError | None) -> None:
            if not done.done():
                done.set_exception(RuntimeError(str(error))) if error else done.set_result(None)

        body = {"event_id": event.get("messageId") or str(uuid.uuid4()), "source": "segment", "body": event}
        visitor = str(event.get("anonymousId") or event["userId"])
        self._producer.produce(EVENTS_WEB.name, json.dumps(body).encode(), visitor.encode(), on_delivery=told)
        return done


def starlette(door: Door, port: int) -> None:
    """Serve with Starlette on uvicorn."""

    async def take(request: Request) -> JSONResponse:
        status, said = await door.take(request.url.path, request.headers.get("authorization", ""), await request.json())
        return JSONResponse(said, status)

    paths = [f"/v1/{call}" for call in (*CALLS, "batch")]
    app = Starlette(routes=[Route(path, take, methods=["POST"]) for path in paths])
    uvicorn.run(app, port=port, log_level="warning", access_log=False)


def aiohttp(door: Door, port: int) -> None:
    """Serve with aiohttp on uvloop."""
    import uvloop

    async def take(request: web.Request) -> web.Response:
        status, said = await door.take(request.path, request.headers.get("authorization", ""), await request.json())
        return web.json_response(said, status=status)

    app = web.Application()
    app.add_routes([web.post(f"/v1/{call}", take) for call in (*CALLS, "batch")])
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None)


def main() -> None:
    """Serve."""
    settings = CollectorSettings.read(os.environ)
    door = Door(producer(settings, settings.ack_deadline_s))
    {"starlette": starlette, "aiohttp": aiohttp}[sys.argv[1]](door, settings.port)


if __name__ == "__main__":
    main()
