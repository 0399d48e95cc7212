"""The watchdog: ends a worker whose input moves while its commits do not, whatever the reason.

It runs in a thread of its own and asks the broker through a client of its own, so that a blocked event loop, a hung
aiokafka or a lost wake-up (all seen in the field: faust#523, robinhood/faust#596, aiokafka#1154) cannot silence it.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping

from confluent_kafka import KafkaException

from streams.engine.exits import Exit, leave
from streams.engine.offsets import Kafka, Place, ends

log = logging.getLogger(__name__)
ASK_S = 5.0


class Watchdog:
    """Compares, every few seconds, how far the input goes with how far we have read, and when we last committed."""

    def __init__(
        self,
        kafka: Kafka,
        positions: Callable[[], dict[Place, int]],
        progress_at: Callable[[], float],
        patience_s: float,
        on_stall: Callable[[str], None] = lambda why: leave(Exit.STALLED, why),
    ) -> None:
        self._kafka, self._positions, self._progress_at = kafka, positions, progress_at
        self._patience_s, self._on_stall = patience_s, on_stall
        self._stopped = threading.Event()
        self._behind_since: float | None = None
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()

    def look(self, found: Mapping[Place, int], now: float) -> None:
        """Take one look at the input's ends; call `on_stall` when we have been behind for too long without a commit."""
        positions = self._positions()
        behind = {place: end for place, end in found.items() if end > positions.get(place, end)}
        if not behind or self._progress_at() >= now - self._patience_s:
            self._behind_since = now if behind else None
            return
        since = self._behind_since = self._behind_since if self._behind_since is not None else now
        if now - since >= self._patience_s:
            place, end = next(iter(behind.items()))
            self._on_stall(
                f"no commit for {now - self._progress_at():.0f} s while {place[0]}-{place[1]} goes to {end} "
                f"and we have read to {positions.get(place)}"
            )

    def _watch(self) -> None:
        while not self._stopped.wait(self._patience_s / 6):
            try:
                found = ends(self._kafka, self._positions(), stable=True, patience_s=ASK_S)
            except (KafkaException, TimeoutError) as error:
                log.debug("the watchdog cannot see the input's ends: %s", error)
                self._behind_since = None
                continue
            self.look(found, time.monotonic())
