"""The drill's faults. To add one: an async context manager over the site and its name in `FAULTS`; leaving it heals."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import msgspec
from confluent_kafka import Producer

from schemas.topics import MODELS
from streams.demo.senders import dressed
from streams.demo.sends import Door, Send
from tests.chaos.cluster import NODES
from tests.drill.site import Site
from tests.pipeline import QUIET, landed

TICK_S = 0.1
PATIENCE_S = 30.0
GARBLED = "garbled"  # the key of the model that nobody can take


@asynccontextmanager
async def nothing(site: Site) -> AsyncIterator[None]:  # noqa: ARG001 - every fault is given the site
    """A calm hour."""
    yield


@asynccontextmanager
async def end_part(site: Site, part: str) -> AsyncIterator[None]:
    """SIGKILL a process, and nobody starts it again."""
    site.kept = False
    site.part(part).kill()
    yield
    site.kept = True


@asynccontextmanager
async def crash_worker(site: Site, lives_s: float = 3.0) -> AsyncIterator[None]:
    """SIGKILL one worker, and whoever is started in its place soon after it answers; the other is left alone."""
    killing = asyncio.create_task(_kill_again(site, lives_s))
    yield
    killing.cancel()


@asynccontextmanager
async def stall_workers(site: Site) -> AsyncIterator[None]:
    """SIGSTOP every worker: they are there, and do nothing."""
    site.signal(signal.SIGSTOP, *site.workers())
    yield
    site.signal(signal.SIGCONT, *site.workers())


@asynccontextmanager
async def end_brokers(site: Site, count: int = 1) -> AsyncIterator[None]:
    """SIGKILL so many of the three nodes."""
    nodes = range(NODES - count, NODES)
    for node in nodes:
        site.cluster.kill(node)
    yield
    await site.cluster.restart(*nodes)


@asynccontextmanager
async def end_redis(site: Site) -> AsyncIterator[None]:
    """SIGKILL Redis."""
    site.server().kill()
    yield
    site.server().start()
    site.server().wait()


@asynccontextmanager
async def slow_crm(site: Site, answers_after_s: float) -> AsyncIterator[None]:
    """The CRM takes so long to answer."""
    site.crm.slow_s = answers_after_s
    yield
    site.crm.slow_s = 0.0


@asynccontextmanager
async def refuse_erasure(site: Site) -> AsyncIterator[None]:
    """Somebody asks to be forgotten, and the CRM will not have it."""
    site.crm.refuses = b"lead.erased"
    command = (sys.executable, "-m", "streams", "erase", "--email", "forget.me@example.com", "--yes")
    environ = {**os.environ, **site.stack.environ}
    await asyncio.to_thread(subprocess.run, command, env=environ, check=True, capture_output=True)
    yield
    site.crm.refuses = b""


@asynccontextmanager
async def flood(site: Site, rate: float) -> AsyncIterator[None]:
    """A sender has changed its format: so many events a second that nobody can read."""
    flooding = asyncio.create_task(_flood(site, rate))
    yield
    flooding.cancel()


@asynccontextmanager
async def garble_model(site: Site) -> AsyncIterator[None]:
    """The newest model comes again, with one bit turned; noughts, as long as there is none."""
    bootstrap = site.cluster.bootstrap
    models = await asyncio.to_thread(landed, bootstrap, MODELS)
    value = bytearray(models[-1].value or b"" if models else bytes(64))
    value[len(value) // 2] ^= 1
    producer = Producer({"bootstrap.servers": bootstrap, **QUIET})
    producer.produce(MODELS.name, bytes(value), GARBLED)
    producer.flush(PATIENCE_S)
    yield


@asynccontextmanager
async def fill_disk(site: Site) -> AsyncIterator[None]:
    """Somebody writes the workers' disk full."""
    filler = site.disk / "filler"
    filling = asyncio.create_task(_fill(filler))
    yield
    filling.cancel()
    with suppress(asyncio.CancelledError):
        await filling
    filler.unlink()


async def _kill_again(site: Site, lives_s: float) -> None:
    others = set(site.workers()[1:])
    while True:
        await site.answers("worker")
        await asyncio.sleep(lives_s)
        site.signal(signal.SIGKILL, *set(site.workers()) - others)
        await asyncio.sleep(lives_s)


async def _flood(site: Site, rate: float) -> None:
    async with aiohttp.ClientSession() as session:
        number = 0
        while True:
            number += 1
            odd = {"type": "dance", "messageId": f"odd-{time.time_ns()}", "anonymousId": f"dancer-{number % 100}"}
            body = msgspec.json.encode({"batch": [odd | {"messageId": f"{odd['messageId']}-{it}"} for it in range(5)]})
            body, headers = dressed(Send(0.0, Door.SEGMENT, "/v1/batch", body, ()), site.keys, time.time())
            with suppress(aiohttp.ClientError, TimeoutError):
                async with session.post(f"{site.stack.url}/v1/batch", data=body, headers=headers) as answer:
                    await answer.read()
            await asyncio.sleep(5 / rate)


async def _fill(file: Path) -> None:
    while True:
        await asyncio.to_thread(_take, file)
        await asyncio.sleep(TICK_S)


def _take(file: Path) -> None:
    with suppress(OSError), file.open("ab", buffering=0) as rest:
        while rest.write(bytes(65_536)):
            pass


FAULTS: dict[str, Callable[..., AbstractAsyncContextManager[None]]] = {
    fault.__name__: fault
    for fault in (
        nothing,
        end_part,
        crash_worker,
        stall_workers,
        end_brokers,
        end_redis,
        slow_crm,
        refuse_erasure,
        flood,
        garble_model,
        fill_disk,
    )
}
