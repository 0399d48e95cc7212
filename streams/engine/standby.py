"""State kept warm: a thread follows the changelogs of the partitions that others own, so that taking one over is quick.

A table is followed here, or owned by the host: never both. It changes hands under the lock, and each change makes the
follower drop what it has read and not yet applied. What the follower has not come to, the restore reads.

A store that breaks here ends the worker, as one that it works with does: its next life has a sound one, and stands by
again. One that went on without would be slow on the day that it is needed, and nobody would know.
"""

import logging
import time
from collections.abc import Iterable
from threading import Event, Lock, Thread

from confluent_kafka import Consumer, KafkaException, TopicPartition

from streams.engine.exits import Exit, leave
from streams.engine.offsets import Interrupted, Kafka, Place
from streams.engine.restore import READ, SETTINGS, bounds, discard, take
from streams.engine.store import StoreBroken
from streams.engine.table import Table

log = logging.getLogger(__name__)
PAUSE_S = 1.0
FAULT_S = 9.0  # more, after a fault of ours: it is likely to come again
WAIT_S = 0.5
WHOLE_S = 3_600.0  # how often it is asked anew how far changelogs go: what has come so far is whole


class Standby:
    """Tables of others' partitions. `start` once; the other methods may be called from any thread."""

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._tables: dict[Place, Table] = {}
        self._changes = 0  # how often tables came and went
        self._over = False
        self._lock = Lock()
        self._stop = Event()
        self._thread = Thread(target=self._run, name="standby", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """Follow no more; close what was followed."""
        self._stop.set()
        self._thread.join()

    def places(self) -> set[Place]:
        """Return whose tables are here."""
        with self._lock:
            return set(self._tables)

    def give(self, tables: Iterable[Table]) -> None:
        """Hand tables over to be followed."""
        with self._lock:
            if self._over:
                for table in tables:
                    table.store.close()
                return
            self._tables |= {(table.changelog.name, table.partition): table for table in tables}
            self._changes += 1

    def take(self, place: Place) -> Table | None:
        """Take a table back, if it is here, from wherever it stands."""
        with self._lock:
            self._changes += 1
            return self._tables.pop(place, None)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if self.places():
                    self._follow()
            except Interrupted:
                break
            except (KafkaException, TimeoutError) as error:
                log.warning("standby: cannot follow, to be tried again", extra={"error": error})
            except StoreBroken as broken:
                leave(Exit.STATE, f"standby: {broken}")
            except Exception:  # a fault of ours: tables stand where they stood, and may be taken from there
                log.exception("standby: cannot follow, to be tried again")
                self._stop.wait(FAULT_S)
            self._stop.wait(PAUSE_S)
        self._drop()

    def _follow(self) -> None:
        """Follow the tables that are here now, until that changes, or it is time to ask how far they go."""
        with self._lock:
            places, changes = set(self._tables), self._changes
        now = time.time()
        found = bounds(self._kafka, places, lambda: not self._stop.is_set())
        consumer = Consumer({**SETTINGS, **self._kafka})
        try:
            with self._lock:
                if changes != self._changes:
                    return
                discard(self._tables, found, now)
                consumer.assign([TopicPartition(t, p, table.store.position) for (t, p), table in self._tables.items()])
            coming = {place: at.end for place, at in found.items()}
            while not self._stop.is_set() and time.time() - now < WHOLE_S:
                taken = take(consumer.consume(READ, timeout=WAIT_S))
                with self._lock:
                    if changes != self._changes:
                        return  # what was read may be of a table that is not here any more, or is here again
                    for place, (rows, position) in taken.items():
                        self._tables[place].restore(rows, position)
                    for place in [at for at, end in coming.items() if self._tables[at].store.position >= end]:
                        self._tables[place].whole(now)
                        del coming[place]
        finally:
            consumer.close()

    def _drop(self) -> None:
        with self._lock:
            for table in self._tables.values():
                table.store.close()
            self._tables.clear()
            self._over = True
