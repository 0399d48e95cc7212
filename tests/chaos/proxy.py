"""Doors that can be shut: a TCP proxy before each broker, which passes, delays, swallows or resets what goes through.

It runs in a thread with an event loop of its own, so that a busy harness delays no link.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from enum import StrEnum
from typing import Any, TypeVar

T = TypeVar("T")
CHUNK = 256 * 1024
NOW = struct.pack("ii", 1, 0)  # SO_LINGER of zero seconds: closing resets


class Link(StrEnum):
    """What a door does. HALF_OPEN keeps connections, takes new ones, and lets not a byte through: nobody is told."""

    OPEN = "open"
    HALF_OPEN = "half_open"
    RESET = "reset"


class Door:
    """One proxy: listens on `port`, passes to `target`. `delay_s` is added to each chunk, each way."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.link = Link.OPEN
        self.delay_s = 0.0
        self._passing = asyncio.Event()
        self._passing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listening.getsockname()[1]

    async def serve(self) -> None:
        """Begin to take connections."""
        self._server = await asyncio.start_server(self._connected, sock=self._listening, limit=CHUNK)

    def close(self) -> None:
        """Take no more, and reset what is connected."""
        self._server.close()
        self.turn(Link.RESET)

    def turn(self, link: Link) -> None:
        """Set what the door does from now on; RESET also ends what is connected, and whoever comes."""
        self.link = link
        if link is Link.HALF_OPEN:
            self._passing.clear()
        else:
            self._passing.set()
        if link is Link.RESET:
            for writer in self._writers:
                _reset(writer)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._passing.wait()
        if self.link is Link.RESET:
            _reset(writer)
            return
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target, limit=CHUNK)
        except OSError:  # the broker is down: so say we
            _reset(writer)
            return
        self._writers |= {writer, back}
        try:
            await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
        finally:
            self._writers -= {writer, back}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                await self._passing.wait()
                writer.write(chunk)
                await writer.drain()
        with suppress(OSError):
            await self._passing.wait()  # a half-open link does not tell of an end either
            writer.close()


class Doors:
    """The doors of a cluster, one for each target port."""

    def __init__(self, targets: list[int]) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="doors", daemon=True)
        self._thread.start()
        self.doors = self._do(self._open(targets))

    def turn(self, link: Link, node: int | None = None) -> None:
        """Set what a door does, or all of them."""
        self._do(self._turn(link, self.doors if node is None else [self.doors[node]]))

    def close(self) -> None:
        """End them, and the thread."""
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _open(self, targets: list[int]) -> list[Door]:
        doors = [Door(target) for target in targets]
        for door in doors:
            await door.serve()
        return doors

    async def _close(self) -> None:
        for door in self.doors:
            door.close()
        await asyncio.sleep(0)  # what is reset is told of it
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        if rest:
            await asyncio.wait(rest, timeout=2)

    async def _turn(self, link: Link, doors: list[Door]) -> None:
        for door in doors:
            door.turn(link)

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


def _reset(writer: asyncio.StreamWriter) -> None:
    kept = writer.get_extra_info("socket")
    if kept is not None:
        with suppress(OSError):
            kept.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NOW)
    writer.transport.abort()
