"""Workers that end themselves, each for its reason and in a process of its own, with no broker.

`python -m tests.unit.engine.ends FOLDER` prints the code of each, one a line, and leaves what it said in the folder.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from schemas.topics import VISITORS
from streams.engine import app as engine_app
from streams.engine import exits
from streams.engine.boundary import Batch
from streams.engine.config import Config
from streams.engine.exits import Exit
from streams.engine.host import Host
from streams.engine.limits import TooManyCrashes
from streams.engine.outbox import Fenced
from streams.engine.rounds import Membership, Round
from streams.engine.standby import Standby
from streams.engine.store import MemoryStore, StoreBroken
from streams.engine.table import Table
from streams.engine.watchdog import Sight, Watchdog
from tests.pipeline import CODEC
from tests.unit.faust.memory import Log
from tests.unit.faust.ours import on_a_log
from tests.worker import pipeline

CONFIG = Config({"bootstrap.servers": "127.0.0.1:1", "log_level": 0})


class Met(Host):
    """A host whose rounds and restores meet an error."""

    def __init__(self, error: Exception) -> None:
        super().__init__(CONFIG, pipeline(), CODEC)
        self.error = error
        cast("Any", self.rounds).run = self._meet

    async def _meet(self, _new: Round, _deliver: Callable[[Batch], None]) -> bool:
        raise self.error

    def _restore(self, *_: Any) -> Any:
        raise self.error


def in_a_round(error: Exception) -> None:
    """End of what a round meets."""
    asyncio.run(Met(error).run(Round(Membership(1, "m"), ()), lambda _: None))


def at_the_start(error: Exception) -> None:
    """End of what taking the transactional id over meets."""

    def start() -> None:
        raise error

    host = Met(error)
    cast("Any", host)._outbox.start = start
    asyncio.run(host.start())


def in_a_restore(error: Exception) -> None:
    """End of what a restore meets."""
    asyncio.run(Met(error).restore(set(), Membership(1, "m")))


def misplaced() -> None:
    """Be given one partition of one of an agent's inputs only."""
    asyncio.run(Met(OSError()).restore({("events.web", 0)}, Membership(1, "m")))


def stalled() -> None:
    """Rebalance for ever."""
    dog = Watchdog({}, lambda: Sight({}, 0.0, rebalancing=True), 0.06, lambda: None)
    dog.start()
    dog._thread.join(60)


def unheard() -> None:
    """Stand still while nobody reads the log: its pipe is full, and who waits to write holds the lock on it."""
    os.dup2(os.pipe()[1], 2)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, force=True)
    made, exits.WORDS_S = engine_app.build(pipeline(), CONFIG, CODEC), 0.3
    dog = Watchdog({}, made.sight, 0.5, lambda: None, lambda why: made.stands_still(asyncio.new_event_loop(), why))
    dog.start()
    while True:
        logging.getLogger("ends").info("x" * 1000)


def broken_beside() -> None:
    """Stand by for partitions whose store breaks."""
    standby = Standby(CONFIG.kafka)
    cast("Any", standby)._follow = lambda: _raise(StoreBroken("flipped"))
    standby.give([Table(VISITORS, 0, MemoryStore(), CODEC)])
    standby.start()
    standby._thread.join(60)


def _raise(error: Exception) -> None:
    raise error


async def _crashed() -> None:
    """Run an app, the whole of it, whose first round meets what nobody has foreseen."""
    log = Log()
    app = on_a_log(log)

    async def started() -> None:
        log.add(b"a", b"b", b"c")

    async def run(_new: Round, _deliver: Callable[[Batch], None]) -> bool:
        raise OSError("nobody foresaw this")

    app.engine.start, app.engine.run, app.engine.config = started, run, CONFIG
    app.engine.rounds = SimpleNamespace(open=False, open_with=lambda _: None)
    await asyncio.wait_for(engine_app.run(app, asyncio.Event()), 60)


WAYS: dict[str, tuple[Exit, Callable[[], None]]] = {
    "refused by the broker": (Exit.FENCED, lambda: in_a_round(Fenced("another has it"))),
    "refused from the start": (Exit.FENCED, lambda: at_the_start(Fenced("not authorized"))),
    "too many crashes": (Exit.CRASHES, lambda: in_a_round(TooManyCrashes("100 of 100"))),
    "nothing goes forward": (Exit.STALLED, stalled),
    "a fault of ours": (Exit.CRASHED, lambda: asyncio.run(_crashed())),
    "a store breaks in a round": (Exit.STATE, lambda: in_a_round(StoreBroken("flipped"))),
    "a store breaks in a restore": (Exit.STATE, lambda: in_a_restore(StoreBroken("flipped"))),
    "a store breaks that stands by": (Exit.STATE, broken_beside),
    "half of its inputs": (Exit.MISPLACED, misplaced),
    "nobody reads what it says": (Exit.STALLED, unheard),
}


def ended(end: Callable[[], None], said: Path) -> int:
    """Return the code with which a process ends in this way."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT), 2)
        try:
            end()
        finally:
            os._exit(0)  # it has not ended as it should: 0 is no code of ours
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    for name, (_, way) in WAYS.items():
        sys.stdout.write(f"{ended(way, Path(sys.argv[1]) / name)}\n")
        sys.stdout.flush()  # else the next child has it too
