"""What lies ahead of a destination that goes back: who is erased there, so that it is not told of them again."""

from collections.abc import Callable

from connectors.backlog import Lead
from connectors.reading import everything, since
from connectors.settings import Connection
from schemas.codec import Codec
from schemas.records import RoutedLead
from schemas.rejected import Rejected
from schemas.topics import Topic

__all__ = ["erasures"]


def erasures(
    settings: Connection, topic: Topic, codec: Codec, at: float, stopped: Callable[[], bool]
) -> dict[Lead, int]:
    """Return the offset of each lead's last erasure since `at`, seconds since the epoch; fewer once `stopped`.

    Raises `BrokerUnreachable`, `KafkaException`.
    """
    found: dict[Lead, int] = {}
    for message in everything(settings, [topic], since(settings, topic, at)):
        if stopped():
            break
        try:
            told = codec.decode(message.value(), (RoutedLead,))
        except Rejected:
            continue
        if isinstance(told, RoutedLead) and told.erased_at:
            found[message.partition() or 0, message.key() or b""] = message.offset() or 0
    return found
