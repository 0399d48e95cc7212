"""What must never be connected to: every spelling of this machine, and a listener there that notes who did."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["HERE", "canary"]

# Spellings of this machine, each of which some URL library takes for a host; {port} is the canary's.
HERE = (
    "127.0.0.1", "127.0.0.2", "127.1", "127.0.1", "127.255.255.254", "2130706433", "017700000001", "0177.0.0.1",
    "0177.0.0.01", "0x7f000001", "0x7f.0.0.1", "0x7f.1", "0x7f.0x0.0x0.0x1", "0x7F.0.0.0x1", "127.0.0.1.", "0",
    "0.0.0.0", "00.00.00.00", "0x0", "localhost", "LOCALHOST", "localhost.", "ip6-localhost", "[::1]", "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:0:127.0.0.1]",
    "[0:0:0:0:0:ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]", "[2001:0:0:0:0:0:80ff:fffe]", "[fe80::1]", "[::1%25lo]", "user@127.0.0.1", "8.8.8.8@127.0.0.1",
    "127。0。0。1", "①②⑦.⓪.⓪.①", "127%2e0%2e0%2e1", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
)  # fmt: skip


@asynccontextmanager
async def canary() -> AsyncIterator[tuple[int, list[object]]]:
    """Listens on every address of this machine; yields its port, and who has connected."""
    met: list[object] = []

    async def meet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.append(writer.get_extra_info("peername"))
        writer.close()

    server = await asyncio.start_server(meet, "0.0.0.0", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield port, met
