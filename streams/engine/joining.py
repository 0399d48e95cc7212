"""What aiokafka's coordinator meets, heard: it joins its group again where it would wait to be asked.

An error that it does not know (in a join, in an assignment, in a heartbeat) it keeps for whoever polls next, and stands
still until somebody does. Nobody polls while partitions move, and Faust never asks: the worker would be out of its
group for good, and say nothing.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)
AGAIN_S = 1.0


def hear(coordinator: Any, gone: Callable[[str], None], again_s: float = AGAIN_S) -> None:
    """Have the coordinator join anew after an error; `gone` is called when it gives up for good."""

    async def heard(error: Exception) -> None:
        log.warning("the group cannot be joined or kept, to be tried again", extra={"error": error})
        beats = coordinator._heartbeat_task
        if beats is None or beats.done():  # else the group still has us, and would have to move for nothing
            coordinator.request_rejoin()
        await asyncio.wait([coordinator._closing], timeout=again_s)

    def ended(task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            gone(f"the group's coordinator gave up: {error!r}")

    coordinator._push_error_to_user = heard
    coordinator._coordination_task.add_done_callback(ended)
