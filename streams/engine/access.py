"""One set of Kafka settings for both clients: aiokafka's, made from librdkafka's."""

from typing import Any

from aiokafka.helpers import create_ssl_context

from streams.engine.offsets import Kafka

__all__ = ["for_aiokafka"]


def for_aiokafka(kafka: Kafka) -> dict[str, Any]:
    """Return how aiokafka gets in where librdkafka does. Raises `OSError` when a file cannot be read.

    >>> for_aiokafka({"bootstrap.servers": "127.0.0.1:9092"})
    {'security_protocol': 'PLAINTEXT'}
    """
    protocol = str(kafka.get("security.protocol", "PLAINTEXT"))
    access: dict[str, Any] = {"security_protocol": protocol}
    if protocol.endswith("SSL"):
        ca, certificate, key = (
            str(kafka[name]) if name in kafka else None
            for name in ("ssl.ca.location", "ssl.certificate.location", "ssl.key.location")
        )
        access["ssl_context"] = create_ssl_context(cafile=ca, certfile=certificate, keyfile=key)
    if protocol.startswith("SASL"):
        access |= {
            "sasl_mechanism": str(kafka["sasl.mechanism"]),
            "sasl_plain_username": str(kafka["sasl.username"]),
            "sasl_plain_password": str(kafka["sasl.password"]),
        }
    return access
