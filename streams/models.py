"""The model to score with: follows what is learned and what people pin in a thread, and takes what it may.

`models` brings the newest model, `models.pins` what people say: score with this version, or with the newest. Whatever
cannot be taken is counted, and changes nothing.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import TypeVar, cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.codec import Codec
from schemas.learning import ModelPin, ModelSnapshot
from schemas.records import Channel
from schemas.registry import RegistryUnavailable
from schemas.rejected import Rejected
from schemas.topics import MODEL_PINS, MODELS
from streams import metrics
from streams.domain.blend import Blend
from streams.domain.card import Card
from streams.domain.snapshots import LARGEST, NEWEST, SCORECARD, Refusal, pin_refusal, refusal

log = logging.getLogger(__name__)

QUALITY = ("auc", "log_loss", "ece")  # of a snapshot's figures, those that say how good its scores were
CATCH_UP_S = 5.0
AGAIN_S = 1.0
Read = TypeVar("Read", ModelSnapshot, ModelPin)
EOF = KafkaError._PARTITION_EOF  # noqa: SLF001 - its public name


class Models:
    """Holds the newest model and the pinned one; `models()` scores with it and the card. Starts with the card alone."""

    def __init__(self, kafka: Mapping[str, str | int | float | bool], codec: Codec, key: bytes, card: Card) -> None:
        self._kafka, self._codec, self._key, self._card = kafka, codec, key, card
        self._newest: ModelSnapshot | None = None
        self._pin: ModelPin | None = None
        self._in_use: ModelSnapshot | None = None
        self._scorer = Blend(card)
        self._unread = {MODELS.name, MODEL_PINS.name}
        self._caught_up, self._stopped = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._follow, name="models", daemon=True)

    def __call__(self) -> Blend:
        """Return the scorer to use now."""
        return self._scorer

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def catch_up(self) -> None:
        """Return once all that was there at the start has been heeded: nobody scores before. Raises `TimeoutError`."""
        if not self._caught_up.wait(CATCH_UP_S):
            raise TimeoutError(
                f"{', '.join(sorted(self._unread))} cannot be read; which model is to score is not known"
            )

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)

    def offer(self, value: bytes | None) -> None:
        """Take a model if it may be taken; it scores unless another is pinned. Raises `RegistryUnavailable`."""
        snapshot = self._read(value, ModelSnapshot)
        if snapshot is None:
            return
        if (why := refusal(snapshot, self._key, self._newest.version if self._newest else SCORECARD)) is not None:
            self._refuse(why)
            return
        self._newest = snapshot
        self._use()

    def heed(self, value: bytes | None) -> None:
        """Let a pin hold, if it is ours and newer than the one that does. Raises `RegistryUnavailable`."""
        pin = self._read(value, ModelPin)
        if pin is None:
            return
        if (why := pin_refusal(pin, self._key, self._pin.number if self._pin else 0)) is not None:
            self._refuse(why)
            return
        self._pin = pin
        state = "newest" if pin.version == NEWEST else "pinned"
        log.info("a model pin holds", extra={"version": pin.version, "state": state})
        self._use()

    def _use(self) -> None:
        pin = None if self._pin is None or self._pin.version == NEWEST else self._pin
        wanted = self._newest if pin is None else pin.snapshot
        metrics.MODEL_PINNED.set(pin is not None)
        metrics.MODEL_NEWEST.set(self._newest.version if self._newest else SCORECARD)
        if wanted is not self._in_use:
            self._in_use, self._scorer = wanted, Blend(self._card, wanted)
            _show(self._scorer, wanted)

    def _read(self, value: bytes | None, kind: type[Read]) -> Read | None:
        """Return the record in `value`; None when it is none, which is counted."""
        if value is not None and len(value) > LARGEST:
            self._refuse(Refusal.OVERSIZE)
            return None
        try:
            return cast("Read", self._codec.decode(value, (kind,)))
        except Rejected as rejected:
            self._refuse(rejected.reason)
            return None

    def _refuse(self, why: str) -> None:
        metrics.MODELS_REFUSED.labels(why).inc()
        log.warning("a model was refused", extra={"reason": str(why), "version": self._scorer.version})

    def _follow(self) -> None:
        consumer = Consumer(
            {
                **self._kafka,
                "group.id": "leadstream-models",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 100,
            }
        )
        heeding: dict[str, Callable[[bytes | None], None]] = {MODELS.name: self.offer, MODEL_PINS.name: self.heed}
        try:
            consumer.assign([TopicPartition(name, 0, OFFSET_BEGINNING) for name in heeding])
            while not self._stopped.is_set():
                message = consumer.poll(0.5)
                if message is not None:
                    self._one(message, heeding)
        except KafkaException:
            log.exception("models cannot be followed any more")
        finally:
            consumer.close()

    def _one(self, message: Message, heeding: Mapping[str, Callable[[bytes | None], None]]) -> None:
        error, name = message.error(), message.topic() or ""
        if error is None:
            while not _heeded(heeding[name], message.value()) and not self._stopped.wait(AGAIN_S):
                pass
        elif error.code() == EOF:
            self._unread.discard(name)
            if not self._unread:
                self._caught_up.set()
        elif not error.retriable():
            log.warning("models cannot be followed", extra={"error": KafkaException(error)})


def _heeded(heed: Callable[[bytes | None], None], value: bytes | None) -> bool:
    """Heed a record; False when it must be asked for again, for a pin does not come a second time."""
    try:
        heed(value)
    except RegistryUnavailable as unavailable:
        log.warning("a model cannot be read", extra={"error": unavailable})
        return False
    return True


def _show(scorer: Blend, snapshot: ModelSnapshot | None) -> None:
    """Put the model in use on /metrics."""
    metrics.MODEL_VERSION.set(scorer.version)
    metrics.MODEL_SHARE.set(scorer.share)
    if snapshot is None:
        return
    metrics.MODEL_CREATED.set(snapshot.created_at)
    metrics.MODEL_EXAMPLES.set(snapshot.examples)
    for figure in QUALITY:
        if figure in snapshot.metrics:
            metrics.MODEL_QUALITY.labels(figure).set(snapshot.metrics[figure])
    for door in ("", *Channel):
        rises = snapshot.metrics.get(f"rises_{door}" if door else "rises", 0.0)
        metrics.LOSS_RISES.labels(door or "all").set(rises)
