"""Senders that keep a collector waiting, half of them in a request's head and half in its body (slowloris).

`python -m tests.slow PORT COUNT` keeps so many at it until it is ended: who is let go comes again.
"""

import asyncio
import sys

from tests.contract.sources.senders import basic

__all__ = ["HEAD", "THERE", "slow"]

KEY = basic()["authorization"]
HEAD = f"POST /v1/track HTTP/1.1\r\nHost: a\r\nAuthorization: {KEY}\r\nContent-Length: %d\r\n".encode()
THERE = "all are there"
WITHIN_S = 5.0  # as long as a head may take: else they would all be let go at once, and come again at once
EVERY_S, PIECE = 2.0, bytes(3_000)  # often enough to seem alive, seldom enough to be a thousand for one machine


async def slow(port: int, number: int, ready: asyncio.Semaphore, every_s: float = 0.5, piece: bytes = b"x") -> int:
    """Keep a connection busy, a piece at a time, for as long as it is let; the status with which it is let go."""
    async with ready:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"POST /v1/track HTTP/1.1\r\nX: " if number % 2 else HEAD % 100_000 + b"\r\n{")
        while not reader.at_eof():
            try:
                return int((await asyncio.wait_for(reader.readexactly(12), every_s))[9:])
            except TimeoutError:
                writer.write(b"x" if number % 2 else piece)
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()
    return 0


async def main(port: int, count: int) -> None:
    """Keep `count` connections waiting for ever; says so once all have begun."""
    ready, begun = asyncio.Semaphore(50), asyncio.Event()  # no more at once than the backlog takes
    there: set[int] = set()

    async def keep(number: int) -> None:
        await asyncio.sleep(WITHIN_S * number / count)
        while True:
            there.add(number)
            if len(there) == count:
                begun.set()
            await slow(port, number, ready, EVERY_S, PIECE)

    async with asyncio.TaskGroup() as tasks:
        for number in range(count):
            tasks.create_task(keep(number))
        await begun.wait()
        async with ready:  # the last of them has its connection
            sys.stdout.write(f"{THERE}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
