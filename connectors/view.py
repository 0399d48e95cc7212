"""The serving view: follows profiles, decisions and touchpoints, and keeps them in Redis for whoever looks a lead up.

Redis may be away for as long as it likes: the view waits and catches up. It may be emptied, or come back from an older
copy: the view sees it within a second and reads again what is missing. Offsets are committed after the write.
"""

import logging
import random
import signal
import threading
from collections.abc import Callable, Iterable
from functools import partial

import redis
from confluent_kafka import Message

from connectors import metrics
from connectors.access import open_redis
from connectors.reader import Reader, Spot, place
from connectors.settings import ViewSettings
from connectors.store import Change, Forget, Store
from schemas.codec import Codec
from schemas.keys import CANARY
from schemas.registry import open_registry
from schemas.rejected import Reason, Rejected
from schemas.topics import LEADS_PROFILES, LEADS_ROUTED, TOUCHPOINTS

__all__ = ["GROUP", "View", "build", "run"]

log = logging.getLogger(__name__)
GROUP = "leadstream-view"
TOPICS = {topic.name: topic for topic in (LEADS_PROFILES, LEADS_ROUTED, TOUCHPOINTS)}
BATCH = 500
READ_S = 0.5
LONGEST_WAIT_S = 5.0


class View:
    """One member of the view's group. Redis says where a partition is read from; Kafka is told for the lag's sake."""

    def __init__(self, reader: Reader, store: Store, codec: Codec) -> None:
        self._reader, self._store, self._codec = reader, store, codec
        self._places: dict[Spot, int] = {}  # the next offset, as Redis has it
        self._stop = threading.Event()

    def run(self) -> None:
        """Follow the topics until `stop`."""
        try:
            while not self._stop.is_set():
                messages = self._reader.read(BATCH, READ_S)
                for spot in self._reader.lost():
                    self._places.pop(spot, None)
                self._patiently(partial(self._follow, messages))
                self._patiently(self._find_places)
        finally:
            self._reader.close()

    def stop(self) -> None:
        """End `run` soon; safe from a signal handler."""
        self._stop.set()

    def _follow(self, messages: list[Message]) -> None:
        """Write what came from places that Redis named. When Redis has lost something, ask it for all places again."""
        known = [message for message in messages if place(message)[0] in self._places]
        if not self._places:
            return
        due = changes(known, self._codec)
        ends = self._places | {spot: offset + 1 for spot, offset in map(place, known)}
        if not self._store.write(due, {spot: (start, ends[spot]) for spot, start in self._places.items()}):
            log.warning("Redis is not as this view left it: what it misses is read again")
            metrics.VIEW_WRITES.labels("again").inc(len(due))
            self._places = {}
            return
        metrics.VIEW_WRITES.labels("written").inc(len(due))
        moved = {spot: end for spot, end in ends.items() if end != self._places[spot]}
        self._places = ends
        self._reader.commit(moved)

    def _find_places(self) -> None:
        """Go to where Redis wants each new partition read from."""
        new = self._reader.owned - self._places.keys()
        if new:
            found = self._store.places(new)
            self._places |= {spot: offset for spot, offset in found.items() if self._reader.seek(spot, offset)}

    def _patiently(self, work: Callable[[], None]) -> None:
        """Do it until it is done, or we are to stop."""
        attempt = 0
        while not self._stop.is_set():
            try:
                work()
            except redis.RedisError as error:
                if not attempt:
                    log.warning("Redis does not take writes; waiting for it", extra={"error": error})
                metrics.VIEW_UP.set(0)
                metrics.VIEW_WRITES.labels("retry").inc()
                self._reader.hold(min(0.1 * 2**attempt, LONGEST_WAIT_S) * random.uniform(0.5, 1.0))
                attempt = min(attempt + 1, 10)
            else:
                metrics.VIEW_UP.set(1)
                return


def changes(messages: Iterable[Message], codec: Codec) -> list[Change]:
    """Return what the records say, in order. Canaries are left out; what cannot be read is counted and passed over."""
    due: list[Change] = []
    for message in messages:
        topic = TOPICS[str(message.topic())]
        if (message.key() or b"").startswith(CANARY.encode()):
            continue
        try:
            due.append(codec.decode(message.value(), topic.records))
        except Rejected as rejected:
            if rejected.reason is Reason.TOMBSTONE and topic is LEADS_PROFILES:
                due.append(Forget((message.key() or b"").decode(errors="replace")))
            else:
                metrics.VIEW_WRITES.labels(str(rejected.reason)).inc()
    return due


def build(settings: ViewSettings, group: str = GROUP, rebuild: bool = False) -> View:
    """Return a view, joined to its group. `rebuild` empties Redis of leads, so that everything is read again."""
    store = Store(open_redis(settings))
    if rebuild:
        store.clear()
    codec = Codec(open_registry(settings.schema_registry_url or None))
    return View(Reader(settings, group, TOPICS), store, codec)


def run(settings: ViewSettings, rebuild: bool = False) -> None:
    """Run the view until SIGTERM or SIGINT. Raises `redis.RedisError` when a rebuild cannot empty Redis first."""
    view = build(settings, rebuild=rebuild)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: view.stop())
    metrics.serve(settings.metrics_host, settings.metrics_port)
    log.info("view follows", extra={"topics": list(TOPICS)})
    view.run()
