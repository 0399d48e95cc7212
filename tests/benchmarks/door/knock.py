"""The load: a process of its own that sends requests made beforehand, and tells how they were answered.

`flat`: every connection sends its next request when its last one is answered. At a rate: requests are due at fixed
instants, whoever is still waiting, and their time counts from then on; so a server that stands still is not spared.
"""

import asyncio
import gc
import json
import resource
import sys
import time
from collections import deque
from collections.abc import Iterator
from itertools import cycle
from math import inf
from pathlib import Path
from statistics import quantiles
from typing import cast

import msgspec
import uvloop

CONNECTIONS = 64
PATIENCE_S = 15.0
END = b"\r\n\r\n"
LENGTH = b"content-length: "


class Tally:
    """What came of the requests; `spans` are milliseconds of those that were due after the warm-up."""

    def __init__(self, begins: float) -> None:
        self.begins = begins
        self.spans: list[float] = []
        self.failed = self.all = 0

    def count(self, due: float, now: float, good: bool) -> None:
        self.all += 1
        if due < self.begins:
            return
        if good:
            self.spans.append(1000 * (now - due))
        else:
            self.failed += 1


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, tally: Tally, idle: "deque[Connection]", source: Iterator[bytes] | None) -> None:
        self._tally, self._idle, self._source = tally, idle, source
        self._transport: asyncio.Transport | None = None
        self._answer, self._due = b"", 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance

    def send(self, request: bytes, due: float) -> None:
        assert self._transport is not None
        self._answer, self._due = b"", due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, end, body = self._answer.partition(END)
        if not end:
            return
        at = head.lower().find(LENGTH)
        if at >= 0 and len(body) < int(head[at + len(LENGTH) :].partition(b"\r")[0]):
            return
        now = time.perf_counter()
        self._tally.count(self._due, now, head[9:10] == b"2")
        if self._source is not None and (request := next(self._source, None)) is not None:
            self.send(request, now)
        else:
            self._idle.append(self)


async def knock(port: int, requests: list[bytes], per_s: float, seconds: float, warm_s: float) -> Tally:
    """Send for so long after warming up, at a rate, or flat out when it is `inf`."""
    loop = asyncio.get_running_loop()
    tally = Tally(inf)
    idle: deque[Connection] = deque()
    source = cycle(requests)
    ends = [inf]

    def flat() -> Iterator[bytes]:
        while time.perf_counter() < ends[0]:
            yield next(source)

    stream = flat() if per_s == inf else None
    held = [
        (await loop.create_connection(lambda: Connection(tally, idle, stream), "127.0.0.1", port))[1]
        for _ in range(CONNECTIONS)
    ]
    gc.freeze()
    gc.disable()
    start = time.perf_counter()
    tally.begins, ends[0] = start + warm_s, start + warm_s + seconds
    if stream is not None:
        for one in held:
            one.send(next(source), start)
    else:
        await _paced(idle, held, source, per_s, ends[0])
    until = ends[0] + PATIENCE_S
    while len(idle) < len(held) and time.perf_counter() < until:  # noqa: ASYNC110 - thousands of answers an instant
        await asyncio.sleep(0.01)
    tally.failed += len(held) - len(idle)
    return tally


async def _paced(
    idle: "deque[Connection]", held: list[Connection], source: Iterator[bytes], per_s: float, ends: float
) -> None:
    idle.extend(held)
    start, number = time.perf_counter(), 0
    while (now := time.perf_counter()) < ends or number < (ends - start) * per_s - 1:
        while idle and (due := start + number / per_s) <= now:
            idle.popleft().send(next(source), due)
            number += 1
        await asyncio.sleep(0.0005)


def main() -> None:
    """`knock.py PORT REQUESTS RATE SECONDS WARM`."""
    port, file, per_s, seconds, warm_s = sys.argv[1:]
    requests = msgspec.msgpack.decode(Path(file).read_bytes(), type=list[bytes])
    began = time.perf_counter()
    tally = uvloop.run(knock(int(port), requests, float(per_s), float(seconds), float(warm_s)))
    spent = resource.getrusage(resource.RUSAGE_SELF)
    cuts = quantiles(tally.spans, n=100) if len(tally.spans) > 1 else [0.0] * 99
    told = {
        "answered": len(tally.spans),
        "all": tally.all,
        "failed": tally.failed,
        "p50_ms": cuts[49],
        "p99_ms": cuts[98],
        "busy": (spent.ru_utime + spent.ru_stime) / (time.perf_counter() - began),
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
