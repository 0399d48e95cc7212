"""The newest good model: follows the `models` topic in a thread, and takes only what `refusal` allows."""

import logging
import threading
from collections.abc import Mapping
from typing import cast

from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.codec import Codec
from schemas.records import ModelSnapshot
from schemas.registry import RegistryUnavailable
from schemas.rejected import Rejected
from schemas.topics import MODELS
from streams import metrics
from streams.domain.scoring import PRIOR, Scorer
from streams.domain.snapshots import refusal

log = logging.getLogger(__name__)


QUALITY = ("auc", "log_loss", "ece")  # of a snapshot's figures, those that say how good its scores were


class Models:
    """Holds the scorer in use; `models()` is the one to score with now. Starts with the scorecard."""

    def __init__(self, kafka: Mapping[str, str | int | float | bool], codec: Codec, key: bytes) -> None:
        self._kafka, self._codec, self._key = kafka, codec, key
        self._scorer = Scorer(PRIOR)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="models", daemon=True)

    def __call__(self) -> Scorer:
        """Return the scorer to use now."""
        return self._scorer

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)

    def offer(self, value: bytes | None) -> None:
        """Take a model if it may be taken; else the last good one goes on scoring, and the refusal is counted."""
        try:
            snapshot = cast("ModelSnapshot", self._codec.decode(value, MODELS.records))
        except Rejected as rejected:
            self._refuse(rejected.reason)
            return
        except RegistryUnavailable as unavailable:  # the next snapshot comes soon
            log.warning("%s", unavailable)
            self._refuse("registry_unavailable")
            return
        why = refusal(snapshot, self._key, self._scorer.version)
        if why is not None:
            self._refuse(why)
            return
        self._scorer = Scorer(snapshot)
        _show(snapshot)

    def _refuse(self, why: str) -> None:
        metrics.MODELS_REFUSED.labels(why).inc()
        log.warning("a model was refused (%s); version %d goes on scoring", why, self._scorer.version)

    def _follow(self) -> None:
        consumer = Consumer(
            {
                **self._kafka,
                "group.id": "leadstream-models",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 100,
            }
        )
        try:
            consumer.assign([TopicPartition(MODELS.name, 0, 0)])
            while not self._stopped.is_set():
                message = consumer.poll(0.5)
                if message is None:
                    continue
                error = message.error()
                if error is None:
                    self.offer(message.value())
                elif not error.retriable():
                    log.warning("models cannot be followed: %s", error)
        except KafkaException:
            log.exception("models cannot be followed any more")
        finally:
            consumer.close()


def _show(snapshot: ModelSnapshot) -> None:
    """Put the model in use on /metrics."""
    metrics.MODEL_VERSION.set(snapshot.version)
    metrics.MODEL_CREATED.set(snapshot.created_at)
    metrics.MODEL_EXAMPLES.set(snapshot.examples)
    for figure in QUALITY:
        if figure in snapshot.metrics:
            metrics.MODEL_QUALITY.labels(figure).set(snapshot.metrics[figure])
