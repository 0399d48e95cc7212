"""One stack under load: what a request costs it, and how long answers take at half of what we want of a core."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from streams.demo.generator import generate
from tests.benchmarks.door.plain import CALLS, KEY
from tests.benchmarks.door.stacks import Stack, cpu_s
from tests.pipeline import ROOT
from tests.traffic import ENDS

BATCH = 10
FLAT_S, PACED_S, WARM_S = 3.0, 15.0, 2.0
WANTED_SINGLE, WANTED_BATCHED = 4_000, 10_000  # a core: requests of one event, events in batches of ten


class Told(msgspec.Struct):
    """What the load's process tells; `all` counts the warm-up's answers too, `busy` is the share of a core it used."""

    answered: int
    all: int
    failed: int
    p50_ms: float
    p99_ms: float
    busy: float


class Load(NamedTuple):
    """Requests of one kind: `events` in each; `half` = requests a second at half of what we want."""

    name: str
    events: int
    half: float
    requests: list[bytes]

    def save(self, folder: Path) -> Path:
        """Leave the requests where the load's process finds them."""
        path = folder / self.name
        path.write_bytes(msgspec.msgpack.encode(self.requests))
        return path


class Measured(NamedTuple):
    """CPU microseconds of a request when many come at once, and at half load; answers' times at half load.

    Half load is half of what we want of a core, or of what this machine keeps up with, whichever is less: `half_per_s`.
    """

    flat_us: float
    half_us: float
    half_per_s: float
    p50_ms: float
    p99_ms: float
    failed: int
    busy: float

    def best(self, other: "Measured") -> "Measured":
        """Return the cheaper one of two runs; what half load was like as the one with the lower p99 had it."""
        flat, half = min(self, other), min(self, other, key=lambda it: it.p99_ms)
        busy, failed = max(self.busy, other.busy), self.failed if self is other else self.failed + other.failed
        return half._replace(flat_us=flat.flat_us, busy=busy, failed=failed)


def loads(count: int) -> tuple[Load, Load]:
    """Return the demo's web events, each by itself and in batches of ten."""
    events = [event for _, event in zip(range(count), _events(count), strict=False)]
    single = [_request(f"/v1/{json.loads(event)['type']}", event) for event in events]
    tens = [b",".join(events[n : n + BATCH]) for n in range(0, len(events), BATCH)]
    batched = [_request("/v1/batch", b'{"batch":[%b],"sentAt":"2026-11-20T09:15:03Z"}' % ten) for ten in tens]
    return Load("single", 1, WANTED_SINGLE / 2, single), Load("batch", BATCH, WANTED_BATCHED / 2 / BATCH, batched)


def measure(stack: Stack, bootstrap: str, load: Load, folder: Path) -> Measured:
    """Measure a stack that is started for it."""
    file = load.save(folder)
    with stack.listening(bootstrap, folder / "log") as (port, pid):
        _knock(port, file, "inf", WARM_S, 0)  # the broker's threads are warm then, and ours
        flat, flat_us = _spent(pid, port, file, "inf", FLAT_S)
        half_per_s = min(load.half, flat.answered / FLAT_S / 2)
        half, half_us = _spent(pid, port, file, str(half_per_s), PACED_S)
    return Measured(
        flat_us, half_us, half_per_s, half.p50_ms, half.p99_ms, flat.failed + half.failed, max(flat.busy, half.busy)
    )


def _spent(pid: int, port: int, file: Path, per_s: str, seconds: float) -> tuple[Told, float]:
    before = cpu_s(pid)
    told = _knock(port, file, per_s, seconds, WARM_S / 2)
    return told, (cpu_s(pid) - before) / told.all * 1e6


def _knock(port: int, file: Path, per_s: str, seconds: float, warm_s: float) -> Told:
    arguments = [str(port), str(file), per_s, str(seconds), str(warm_s)]
    command = [sys.executable, "-m", "tests.benchmarks.door.knock", *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=120)
    return msgspec.json.decode(done.stdout, type=Told)


def _events(count: int) -> Iterator[bytes]:
    """Yield the demo's Segment events, without those that it makes wrong on purpose."""
    for sent in generate(7, count * 3, ENDS):
        call = sent.path.rpartition("/")[2]
        if call not in (*CALLS, "batch"):
            continue
        try:
            found = json.loads(sent.body)
        except ValueError:
            continue
        for event in found["batch"] if call == "batch" else [found]:
            if event.get("type") in CALLS and event.get("anonymousId"):
                yield json.dumps(event, separators=(",", ":")).encode()


def _request(path: str, body: bytes) -> bytes:
    authorization = base64.b64encode(f"{KEY}:".encode()).decode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: collect.example\r\nAuthorization: Basic {authorization}\r\n"
        "Content-Type: application/json\r\nUser-Agent: analytics-node/2.1.0\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
