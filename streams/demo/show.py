"""The demo itself: plays the sends to a running stack, shows what comes of them, waits until the books close."""

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext

from rich.console import Console
from rich.live import Live

from connectors.settings import Connection
from streams.demo.board import Board
from streams.demo.conservation import conserve
from streams.demo.crm import Crm
from streams.demo.ledger import Ledger
from streams.demo.live import line, table
from streams.demo.senders import Senders
from streams.demo.sends import Send
from streams.demo.watch import Watch

TICK_S, LINE_S = 0.1, 2.0
STILL_S = 1.5  # nothing more is expected when the books are closed and nothing has come for so long
DELIVERED_S = 10.0  # how long deliveries to the CRM may lag behind
DEADLINE_S = 30.0  # how long nothing may come before we stop waiting, and say what is missing


class Show:
    """One run. `tend` looks after the processes and says what it found; `live` draws a table instead of lines."""

    def __init__(
        self, console: Console, settings: Connection, crm: Crm, tend: Callable[[], list[str]], *, live: bool
    ) -> None:
        self._console, self._crm, self._tend, self._live = console, crm, tend, live
        self._watch = Watch(settings)
        self._moved = 0.0
        self.ledger = Ledger()
        self.board = Board(since=time.time())
        self.duration_s = 0.0

    async def run(self, sends: Iterable[Send], senders: Senders) -> None:
        """Send everything, and return when nothing more is to come: see `ledger`, `board` and `duration_s` then."""
        self._watch.start()
        begun = time.monotonic()
        playing = asyncio.create_task(senders.play(sends, self.ledger))
        try:
            with Live(console=self._console, auto_refresh=False) if self._live else nullcontext() as screen:
                await self._follow(playing, screen)
            await playing
        finally:
            playing.cancel()
            self._watch.stop()
            self.duration_s = self._moved - begun

    async def _follow(self, playing: "asyncio.Task[None]", screen: Live | None) -> None:
        next_line = self._moved = time.monotonic()
        while not (playing.done() and self._settled()):
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            if self._watch.show(self.board) or not playing.done():
                self._moved = now
            for said in self._tend():
                self._console.print(said, markup=False)
            if screen is not None:
                screen.update(table(self.board, self.ledger), refresh=True)
            elif now >= next_line:
                next_line = now + LINE_S
                self._console.print(line(self.board, self.ledger), soft_wrap=True, markup=False)

    def _settled(self) -> bool:
        """Tell whether waiting longer would change nothing."""
        still_s = time.monotonic() - self._moved
        if conserve(self.ledger.taken, self.board.fates).lost:
            return still_s > DEADLINE_S
        return still_s > (STILL_S if self.board.decisions <= self._crm.received.keys() else DELIVERED_S)
