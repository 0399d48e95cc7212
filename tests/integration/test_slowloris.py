"""A thousand connections keep a collector waiting: sound ones are served as soon, and memory hardly grows."""

import asyncio
import resource
import subprocess
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
from tests.contract.sources.senders import WRITE_KEY, settings
from tests.slow import HEAD, THERE, slow

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
SLOW, SOUND = 1_000, 200
GROWTH_MIB, ROOT = 64, Path(__file__).parents[2]
TIMED, ROUNDS, TRIES = 200, 8, 3
BODY = b'{"anonymousId":"a-1","event":"x","messageId":"m-1"}'


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


async def taken(ports: tuple[int, int]) -> tuple[list[float], list[float]]:
    """How long sound requests take at two collectors, one after the other, by turns."""
    times = list[float](), list[float]()
    for number in range(TIMED):
        for place in (0, 1) if number % 2 else (1, 0):
            begun = time.perf_counter()
            assert await sound(ports[place]) == 200
            times[place].append(time.perf_counter() - begun)
    return times


@contextmanager
def attack(port: int, log: Path) -> Iterator[None]:
    """Slow senders, in a process of their own."""
    arguments = (sys.executable, "-m", "tests.slow", str(port), str(SLOW))
    with log.open("w") as said, subprocess.Popen(arguments, cwd=ROOT, stdout=said) as attackers:
        try:
            while THERE not in log.read_text():
                assert attackers.poll() is None, "the slow senders have given up"
                time.sleep(0.05)
            yield
        finally:
            attackers.kill()


def cost(attacked: int, calm: int, log: Path) -> float:
    """The 99th percentile of sound requests where slow ones hang, over that of a collector where none do.

    Both are asked by turns: what else the machine does, the slow senders' own work too, costs both the same. Of several
    rounds the quietest of each counts: a machine can only add to what a collector takes.
    """
    with attack(attacked, log):
        rounds = [asyncio.run(taken((attacked, calm))) for _ in range(ROUNDS)]
    slowed, undisturbed = (min(p99(one[place]) for one in rounds) for place in (0, 1))
    return slowed / undisturbed


def p99(times: list[float]) -> float:
    """The time within which 99 of 100 were served."""
    return sorted(times)[len(times) * 99 // 100]


@pytest.mark.usefixtures("_many_files")
def test_a_thousand_slow_connections_at_most_double_what_others_wait(broker: BrokerHandle, tmp_path: Path) -> None:
    """A busy machine may spoil a measurement, never make a slow collector quick: one good one of three will do."""
    found: list[float] = []
    (tmp_path / "calm").mkdir()
    with collector(broker, tmp_path) as (attacked, _), collector(broker, tmp_path / "calm") as (calm, _):
        asyncio.run(taken((attacked, calm)))  # what is done once is done
        while len(found) < TRIES and (not found or found[-1] > 2.0):
            found.append(cost(attacked, calm, tmp_path / "slow"))
    assert min(found) <= 2.0, found
