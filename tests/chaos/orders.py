"""Orders to die or to freeze at a point in the code. A file carries them: `after_flush kill`, `after_flush stop`.

The first process to come by that point takes the file away and obeys. Processes of tests only know where it is, by
`POINTS_FILE`.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

VARIABLE = "POINTS_FILE"
WAIT_S, TICK_S = 20.0, 0.02


async def give(order: Path, point: str, how: str, obeyed: Callable[[], bool]) -> bool:
    """Order the processes to die (`kill`) or freeze (`stop`) at a point; return whether one did in good time.

    Who takes an order takes its file away first: so nobody who was asleep before is taken for the one who obeyed.
    """
    order.write_text(f"{point} {how}")  # noqa: ASYNC240 - a few bytes
    for _ in range(int(WAIT_S / TICK_S)):
        if not order.exists() and obeyed():  # noqa: ASYNC240
            return True
        await asyncio.sleep(TICK_S)
    order.unlink(missing_ok=True)  # noqa: ASYNC240
    return False


def ordered(point: str) -> bool:
    """Tell whether somebody is to obey at this point."""
    try:
        return Path(os.environ[VARIABLE]).read_text().startswith(point + " ")
    except FileNotFoundError:
        return False


def pass_by(point: str) -> None:
    """Come by a point: obey, when there is an order and nobody else has taken it."""
    if not ordered(point):
        return
    mine = Path(f"{os.environ[VARIABLE]}.{os.getpid()}")
    try:
        Path(os.environ[VARIABLE]).rename(mine)  # only one succeeds
    except FileNotFoundError:
        return
    how = mine.read_text().split()[1]
    mine.unlink()
    os.kill(os.getpid(), signal.SIGKILL if how == "kill" else signal.SIGSTOP)
