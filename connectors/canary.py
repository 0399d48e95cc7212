"""Canary leads: sent to the collector as senders do, awaited on `leads.routed` as subscribers do, and timed."""

import json
import logging
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from secrets import token_hex

from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition

from connectors import kafka, metrics
from connectors.settings import ProbeSettings
from schemas.keys import CANARY
from schemas.topics import LEADS_ROUTED

__all__ = ["Canaries", "Flight"]

log = logging.getLogger(__name__)
ANSWER_S = 5.0
LOST_S = 60.0


class Flight:
    """The canaries that have been sent and have not come back. Times are seconds of one clock that never goes back."""

    def __init__(self) -> None:
        self._sent: dict[str, float] = {}

    def sent(self, name: str, now: float) -> None:
        """Take note of one that the collector has accepted."""
        self._sent[name] = now

    def back(self, name: str, now: float) -> float | None:
        """Return how long one took; None when we did not send it, have it already, or gave it up."""
        at = self._sent.pop(name, None)
        return None if at is None else now - at

    def lost(self, now: float) -> int:
        """Give up on those that are out for more than a minute; return how many."""
        late = [name for name, at in self._sent.items() if now - at > LOST_S]
        for name in late:
            del self._sent[name]
        return len(late)


class Canaries:
    """Sends one now and then, and times their return, in a thread of its own."""

    def __init__(self, settings: ProbeSettings) -> None:
        self._settings = settings
        self._flight = Flight()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="canaries", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(ANSWER_S + 1.0)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._watch(kafka.client(self._settings))
            except KafkaException as error:
                log.warning("canaries cannot be awaited", extra={"error": error})
                self._stop.wait(1.0)

    def _watch(self, client: Mapping[str, str | int | float | bool]) -> None:
        consumer = Consumer(
            {
                **client,
                "group.id": "leadstream-probe",  # asked for, never joined
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 50,
            }
        )
        try:
            partitions = consumer.list_topics(LEADS_ROUTED.name, timeout=10.0).topics[LEADS_ROUTED.name].partitions
            consumer.assign([TopicPartition(LEADS_ROUTED.name, number, OFFSET_END) for number in partitions])
            consumer.poll(1.0)  # so that we listen before we call
            due = time.monotonic()
            while not self._stop.is_set():
                if time.monotonic() >= due:
                    due = time.monotonic() + self._settings.canary_every_s
                    self._send()
                message = consumer.poll(0.1)
                if message is not None and message.error() is None:
                    self._seen((message.key() or b"").decode(errors="replace"))
                metrics.CANARIES.labels("lost").inc(self._flight.lost(time.monotonic()))
        finally:
            consumer.close()

    def _send(self) -> None:
        name, now = token_hex(12), time.monotonic()
        metrics.CANARIES.labels("sent").inc()
        self._flight.sent(name, now)
        try:
            self._post(name)
        except (urllib.error.URLError, OSError) as error:
            self._flight.back(name, now)
            metrics.CANARIES.labels("refused").inc()
            log.warning("the collector does not take canaries", extra={"error": error})

    def _post(self, name: str) -> None:
        body = json.dumps({"canary": name, "sent_at": time.time()}).encode()
        key = self._settings.canary_key.get_secret_value()
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        request = urllib.request.Request(f"{self._settings.collector_url}/v1/canary", body, headers)  # noqa: S310 - ours
        with urllib.request.urlopen(request, timeout=ANSWER_S):  # noqa: S310
            return

    def _seen(self, lead_id: str) -> None:
        if not lead_id.startswith(CANARY):
            return
        took_s = self._flight.back(lead_id.removeprefix(CANARY), time.monotonic())
        if took_s is not None:
            metrics.CANARIES.labels("returned").inc()
            metrics.CANARY_SECONDS.observe(took_s)
