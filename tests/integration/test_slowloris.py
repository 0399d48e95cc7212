"""A thousand connections keep a collector waiting: sound ones are served meanwhile, and memory hardly grows."""

import asyncio
import resource
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from connectors.kafka import ensure
from streams.runtime.handle import BrokerHandle
from streams.runtime.process import Process, free_port
from tests.benchmarks.process import rss_mib
from tests.contract.sources.senders import WRITE_KEY, basic, settings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]
SLOW, SOUND = 1_000, 200
GROWTH_MIB = 64
AUTH = basic()["authorization"]
BODY = b'{"anonymousId":"a-1","event":"x","messageId":"m-1"}'
HEAD = f"POST /v1/track HTTP/1.1\r\nHost: a\r\nAuthorization: {AUTH}\r\nContent-Length: %d\r\n".encode()


@contextmanager
def collector(broker: BrokerHandle, folder: Path) -> Iterator[tuple[int, int]]:
    """A collector in a process of its own, so that its memory is its own: port and process id."""
    port = free_port()
    environ = {
        "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap,
        "LEADSTREAM_PEPPER": "pepper-for-tests-only",
        "LEADSTREAM_WRITE_KEYS": f"web:{WRITE_KEY}",
        "LEADSTREAM_COLLECTOR_PORT": str(port),
        "LEADSTREAM_ADDRESS_CONNECTIONS": str(2 * SLOW),
    }
    ensure(settings(**environ))
    program = "from streams.cli import app; app(['collector'])"
    process = Process((sys.executable, "-c", program), folder / "log", "", environ=environ)
    process.start()
    try:
        _answers(f"http://127.0.0.1:{port}/healthz")
        assert process.pid is not None
        yield port, process.pid
    finally:
        process.stop()


def _answers(url: str) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
        assert time.monotonic() < until, "the collector does not start"


@pytest.fixture
def _many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * SLOW)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def slow(port: int, number: int, ready: "asyncio.Semaphore") -> int:
    """Keep a connection busy, half of them in the head and half in the body; the status with which it is let go."""
    async with ready:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"POST /v1/track HTTP/1.1\r\nX: " if number % 2 else HEAD % 10_000 + b"\r\n{")
        while not reader.at_eof():
            try:
                return int((await asyncio.wait_for(reader.readexactly(12), 0.5))[9:])
            except TimeoutError:
                writer.write(b"x")
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()
    return 0


async def sound(port: int) -> int:
    """Send one event as one does; the status of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(HEAD % len(BODY) + b"Connection: close\r\n\r\n" + BODY)
        return int((await reader.read())[9:12])
    finally:
        writer.close()


@pytest.mark.usefixtures("_many_files")
def test_a_thousand_slow_connections_cost_little_and_sound_requests_are_served_meanwhile(
    broker: BrokerHandle, tmp_path: Path
) -> None:
    async def attack(port: int, pid: int) -> tuple[list[int], list[int], float]:
        ready = asyncio.Semaphore(50)  # no more at once than the backlog takes
        attackers = [asyncio.create_task(slow(port, number, ready)) for number in range(SLOW)]
        statuses: list[int] = []
        most = 0.0
        while len(statuses) < SOUND or not all(one.done() for one in attackers):
            statuses.append(await sound(port))
            most = max(most, rss_mib(pid)[0])
            await asyncio.sleep(0.01)
        return statuses, [one.result() for one in attackers], most

    with collector(broker, tmp_path) as (port, pid):
        assert asyncio.run(sound(port)) == 200
        before = rss_mib(pid)[0]
        statuses, ends, most = asyncio.run(attack(port, pid))
    assert set(statuses) == {200}
    assert Counter(ends) == {408: SLOW}
    assert most - before <= GROWTH_MIB
