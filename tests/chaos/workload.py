"""The load: the demo's events through the collectors' doors, at a pace, again when told "later", and in a ledger."""

import asyncio
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress

import aiohttp

from streams.demo.generator import timeline
from streams.demo.senders import LATER, dressed, problems
from streams.demo.sends import Door, Event, Send, alone, request
from tests.chaos.collectors import Collectors
from tests.chaos.ledger import UNANSWERED, Ledger
from tests.traffic import ENDS

ROOM = {Door.SEGMENT: 50, Door.SENDGRID: 20}  # events in one request; others carry one
AT_ONCE = 12
TAIL = 4  # the last quarter goes ever slower
BEHIND_S = 5.0  # what could not be sent for longer than that is not made up for
TIMEOUT_S = 15.0  # as Segment's libraries wait
PATIENCE_S = 240.0  # more than any fault lasts: then the sender gives up and nobody knows
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 5.0


def traffic(seed: int, events: int) -> list[Send]:
    """Return the requests that carry about `events` made-up events, some repeated, late or broken on purpose."""
    return list(packed(timeline(seed, events, ENDS)))


def packed(events: Iterable[Event]) -> Iterator[Send]:
    """Yield requests: web events in batches as server libraries send them, the rest as their senders do."""
    held: dict[Door, list[Event]] = {}
    for event in events:
        if alone(event):
            yield request([event])
            continue
        batch = held.setdefault(event.door, [])
        batch.append(event)
        if len(batch) >= ROOM.get(event.door, 1):
            yield request(held.pop(event.door))
    for batch in held.values():
        yield request(batch)


class Load:
    """Sends everything over about `over_s` seconds, but slower towards the end: faults always meet some load.

    Once `rush` is called the rest is sent as fast as it is answered. `haste` multiplies the pace; `done` are the
    requests that were thanked for. `open` before anything is sent, `close` when nothing is any more.
    """

    def __init__(self, sends: list[Send], collectors: Collectors, ledger: Ledger, over_s: float) -> None:
        self._sends, self._collectors, self._ledger = sends, collectors, ledger
        self._events = sum(len(send.ids) for send in sends)
        self._over_s = over_s
        self.sent = 0
        self.haste = 1.0
        self.done: list[Send] = []
        self._room = asyncio.Semaphore(AT_ONCE)
        self._rushing = asyncio.Event()
        self._turn = 0

    @property
    def rate(self) -> float:
        """Events a second, as it is paced now."""
        return self.haste * min(self._events, (self._events - self.sent) * TAIL) / self._over_s

    def rush(self) -> None:
        """Send the rest without pauses."""
        self._rushing.set()

    async def open(self) -> None:
        """Make the senders' connections; before anything is sent."""
        limit = aiohttp.TCPConnector(limit=4 * AT_ONCE)
        self._session = aiohttp.ClientSession(connector=limit, timeout=aiohttp.ClientTimeout(total=TIMEOUT_S))

    async def close(self) -> None:
        """Let them go."""
        await self._session.close()

    async def run(self) -> None:
        """Return when all is answered, or given up."""
        due = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for send in self._sends:
                await self._room.acquire()
                await self._pause(due - time.monotonic())
                due = max(due, time.monotonic() - BEHIND_S) + len(send.ids) / self.rate
                self.sent += len(send.ids)
                group.create_task(self._paced(send))

    async def _pause(self, seconds: float) -> None:
        if seconds > 0 and not self._rushing.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._rushing.wait(), seconds)

    async def _paced(self, send: Send) -> None:
        try:
            await self.post(send)
        finally:
            self._room.release()

    async def post(self, send: Send) -> None:
        """Send a request until an answer is final, or the sender gives up."""
        wait_s, deadline = FIRST_WAIT_S, time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if await self.attempt(send):
                return
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def attempt(self, send: Send) -> bool:
        """Send a request once, to the next collector; tell whether the answer is final."""
        self._turn += 1
        url = self._collectors.all[self._turn % len(self._collectors.all)].url
        body, headers = dressed(send, self._collectors.keys, time.time())
        number = self._ledger.ask(send.ids, time.monotonic())
        try:
            async with self._session.post(url + send.path, data=body, headers=headers) as answer:
                said = await answer.read()
        except (aiohttp.ClientError, TimeoutError):
            self._ledger.answer(number, time.monotonic(), UNANSWERED)
            return False
        again = answer.status in LATER or answer.status >= 500
        refused = () if again else tuple(sorted(problems(answer.status, said, len(send.ids))))
        self._ledger.answer(number, time.monotonic(), answer.status, refused, "retry-after" in answer.headers)
        if 200 <= answer.status < 300:
            self.done.append(send)
        return not again
