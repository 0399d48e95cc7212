"""What commands write: many records, none of them unnoticed."""

from collections import Counter
from collections.abc import Sequence
from typing import Self

from confluent_kafka import KafkaError, Message

from connectors import kafka
from connectors.settings import Connection

__all__ = ["NotTakenError", "Sending"]

Headers = Sequence[tuple[str, str | bytes | None]]
PATIENCE_S = 30.0
WAITING = 10_000  # records in the client's queue before `send` waits


class NotTakenError(Exception):
    """The broker did not take every record; what it took is harmless, so the same may be sent again."""


class Sending:
    """Sends records and counts them by topic; `flush` returns when all are acknowledged. Ends with one."""

    def __init__(self, settings: Connection) -> None:
        """Raises `BrokerUnreachable`."""
        kafka.reach(settings)
        self._producer = kafka.producer(settings, PATIENCE_S)
        self._untaken: list[str] = []
        self.sent: Counter[str] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.flush()
        else:
            self._producer.flush(1.0)

    def send(self, topic: str, key: bytes | None, value: bytes, headers: Headers = ()) -> None:
        """Send a record, soon."""
        while len(self._producer) > WAITING:
            self._producer.poll(0.1)
        self._producer.produce(topic, value, key, headers=list(headers), on_delivery=self._acknowledged)
        self.sent[topic] += 1

    def flush(self) -> None:
        """Return when the broker has all that was sent. Raises `NotTakenError`."""
        self._producer.flush()
        if self._untaken:
            raise NotTakenError(f"{len(self._untaken)} of {self.sent.total()} were not taken: {self._untaken[0]}")

    def _acknowledged(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._untaken.append(error.str())
