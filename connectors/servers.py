"""What Kafka and Redis themselves look like from outside: brokers, partitions in trouble, memory."""

import logging

import redis
from confluent_kafka import Consumer

from connectors import metrics
from connectors.access import RedisAccess, open_redis, refusal

__all__ = ["look_at_kafka", "look_at_redis"]

log = logging.getLogger(__name__)
ASK_S = 10.0


def look_at_kafka(consumer: Consumer) -> None:
    """Put what the cluster says of itself on /metrics. Raises `KafkaException`."""
    cluster = consumer.list_topics(timeout=ASK_S)
    partitions = [partition for topic in cluster.topics.values() for partition in topic.partitions.values()]
    metrics.KAFKA_BROKERS.set(len(cluster.brokers))
    metrics.KAFKA_PARTITIONS.labels("all").set(len(partitions))
    metrics.KAFKA_PARTITIONS.labels("leaderless").set(sum(it.leader < 0 for it in partitions))
    metrics.KAFKA_PARTITIONS.labels("under_replicated").set(sum(len(it.isrs) < len(it.replicas) for it in partitions))


def look_at_redis(settings: RedisAccess) -> None:
    """Put what Redis says of itself on /metrics; that it says nothing, too."""
    try:
        with open_redis(settings, answer_s=2.0) as client:
            told = client.info()
    except redis.RedisError as error:
        metrics.REDIS_UP.set(0)
        log.warning("Redis does not answer", extra={"error": error, "why": refusal(error, settings)})
        return
    metrics.REDIS_UP.set(1)
    metrics.REDIS_MEMORY.labels("used").set(told["used_memory"])
    metrics.REDIS_MEMORY.labels("limit").set(told.get("maxmemory", 0))
    metrics.REDIS_CLIENTS.set(told["connected_clients"])
    metrics.REDIS_KEYS.set(sum(shard["keys"] for name, shard in told.items() if name.startswith("db")))
    metrics.REDIS_EVICTED.set(told.get("evicted_keys", 0))
