"""Which erasures a destination has not answered yet: those that lie where its relays have not committed."""

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from connectors import kafka
from connectors.destinations import Outlet
from connectors.reading import everything
from connectors.settings import Connection
from schemas.codec import Codec
from schemas.records import RoutedLead
from schemas.registry import open_registry
from schemas.rejected import Rejected
from schemas.topics import Topic

__all__ = ["unanswered"]

ASK_S = 10.0


def unanswered(settings: Connection, outlet: Outlet) -> set[str]:
    """Return the leads that a destination is still to erase: it is paused, behind, or has put them off.

    One for which no relay has ever run has been told of nobody. Raises `BrokerUnreachable`, `KafkaException`.
    """
    kafka.reach(settings)
    there, starts = _committed(settings, outlet)
    if not starts:
        return set()
    codec, found = Codec(open_registry(settings.schema_registry_url or None), ["RoutedLead"]), set()
    for message in everything(settings, there, starts):
        try:
            told = codec.decode(message.value(), (RoutedLead,))
        except Rejected:
            continue
        if isinstance(told, RoutedLead) and told.erased_at:
            found.add(told.lead_id)
    return found


def _committed(settings: Connection, outlet: Outlet) -> tuple[list[Topic], dict[tuple[str, int], int]]:
    """Return what there is to be told from (a retry topic is made when a relay first runs), and how far it was."""
    consumer = kafka.consumer(settings, outlet.group)
    try:
        made = consumer.list_topics(timeout=ASK_S).topics
        there = [topic for topic in outlet.topics if topic.name in made]
        spots = [TopicPartition(it.name, part) for it in there for part in range(kafka.partitions_of(it, settings))]
        found = consumer.committed(spots, timeout=ASK_S)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return [], {}
        raise
    finally:
        consumer.close()
    return there, {(spot.topic, spot.partition): spot.offset for spot in found if spot.offset >= 0}
