"""The watchdog: ends a worker whose input moves while its commits do not, whatever the reason.

It runs in a thread of its own and asks the broker through a client of its own, so that a blocked event loop, a hung
aiokafka or a lost wake-up (all seen in the field: faust#523, robinhood/faust#596, aiokafka#1154) cannot silence it.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from confluent_kafka import KafkaException

from streams.engine.exits import Exit, leave
from streams.engine.offsets import Kafka, Place, ends

log = logging.getLogger(__name__)
ASK_S = 5.0


class Sight(NamedTuple):
    """What the watchdog sees of its worker: where it reads next, when it last went forward, whether it rebalances.

    An open round counts as a rebalance, and so does a worker that its group has put out and not taken back: both have
    read what they have not committed. So does one that its group has not taken in yet. `waits_for` is what the worker
    waits for, as far as it knows.
    """

    positions: Mapping[Place, int]
    progress_at: float
    rebalancing: bool = False
    waits_for: str = ""


class Watchdog:
    """Compares, every few seconds, how far the input goes with how far we have read, and when we last went forward.

    Where a worker waits and has nothing to read from, `hear` is called: it raises when nobody could give it anything.
    """

    def __init__(
        self,
        kafka: Kafka,
        see: Callable[[], Sight],
        patience_s: float,
        hear: Callable[[], object],
        on_stall: Callable[[str], None] = lambda why: leave(Exit.STALLED, why),
    ) -> None:
        self._kafka, self._see = kafka, see
        self._patience_s, self._hear, self._on_stall = patience_s, hear, on_stall
        self._stopped = threading.Event()
        self._waits_since: float | None = None
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()

    def look(self, found: Mapping[Place, int], now: float) -> None:
        """Take one look: `found` are the input's ends. Calls `on_stall` when we have been stuck for too long.

        That is counted from the last progress, or from when there was first something to wait for: an idle worker has
        made no progress, and is not stuck.
        """
        sight = self._see()
        behind = {place: end for place, end in found.items() if end > sight.positions.get(place, end)}
        if not (behind or sight.rebalancing):
            self._waits_since = None
            return
        if self._waits_since is None:
            self._waits_since = now
        if now - max(self._waits_since, sight.progress_at) >= self._patience_s:
            what = "a rebalance does not end"
            if behind:
                (topic, partition), end = next(iter(behind.items()))
                what = f"{topic}-{partition} goes to {end}, we have read to {sight.positions.get((topic, partition))}"
            waits = f"; it waits for {sight.waits_for}" if sight.waits_for else ""
            self._on_stall(f"nothing went forward for {now - sight.progress_at:.0f} s: {what}{waits}")

    def _reach(self) -> Mapping[Place, int]:
        """Return how far the input goes. Raises `KafkaException` or `TimeoutError` when nobody answers."""
        sight = self._see()
        if sight.rebalancing and not sight.positions:
            self._hear()
        return ends(self._kafka, sight.positions, stable=True, patience_s=ASK_S)

    def _watch(self) -> None:
        while not self._stopped.wait(self._patience_s / 6):
            try:
                self.look(self._reach(), time.monotonic())
            except (KafkaException, TimeoutError) as error:
                log.debug("the watchdog cannot see the input's ends", extra={"error": error})
                self._waits_since = None
            except Exception:  # it looks into what other threads change: a look that fails must not be the last
                log.exception("the watchdog could not look")
