"""Waits that have an end: each says what it waits for while it lasts, and ends the worker when it has lost its use.

Where partitions move, one wait that lasts holds up a whole group, and nobody sees from outside which one it is.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NoReturn, TypeVar

from streams.engine.exits import Exit, leave

log = logging.getLogger(__name__)
SAY_S = 5.0
Found = TypeVar("Found")


def _stalled(why: str) -> NoReturn:
    leave(Exit.STALLED, why)


class Patience:
    """The waits of one worker. `say_s` = how often one that lasts is told of; `gives_up` ends the worker."""

    def __init__(self, say_s: float = SAY_S, gives_up: Callable[[str], NoReturn] = _stalled) -> None:
        self._say_s, self.gives_up = say_s, gives_up
        self._lasting: dict[asyncio.Future[Any], Callable[[], str]] = {}

    @property
    def waits_for(self) -> str:
        """What is waited for at this moment; "" when nothing is."""
        return ", ".join([what() for what in list(self._lasting.values())])

    async def until(self, what: Callable[[], str], done: Coroutine[Any, Any, Found], most_s: float) -> Found:
        """Wait until it is done, `most_s` at most; `what` says what it is, as it stands at the moment.

        Time in which the whole process was frozen counts as one look.
        """
        waiting = asyncio.ensure_future(done)
        self._lasting[waiting] = what
        looks = max(round(most_s / self._say_s), 1)
        try:
            for look in range(1, looks + 1):
                await asyncio.wait([waiting], timeout=most_s / looks)
                if waiting.done():
                    return waiting.result()
                waited_s = most_s * look / looks
                log.warning("a wait lasts", extra={"why": what(), "wait_s": waited_s})
            self.gives_up(f"it waited {most_s:g} s for {what()}")
        finally:
            del self._lasting[waiting]
            waiting.cancel()
            await ended(waiting)


async def ended(running: "asyncio.Future[Any]") -> None:
    """Wait until it has ended; how it did is nobody's business any more, and asyncio need not complain of that."""
    await asyncio.wait([running])
    if not running.cancelled():
        running.exception()


async def whole(done: Awaitable[Found]) -> Found:
    """Wait until it is done, even when cancelled: what another thread is at does not end with our wish."""
    running = asyncio.ensure_future(done)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await ended(running)
        raise
