"""When the certificates end that Kafka and Redis show: an outage that can be seen coming for months."""

import logging
import socket
import ssl
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from connectors import metrics
from connectors.settings import ProbeSettings

__all__ = ["Peer", "look_at_certificates", "not_after", "peers"]

log = logging.getLogger(__name__)
ASK_S = 5.0


class Peer(NamedTuple):
    """A server that we speak TLS to: what it is called in metrics, where it is, and with which PEM files."""

    server: str
    host: str
    port: int
    ca: str = ""
    certificate: str = ""
    key: str = ""


def peers(settings: ProbeSettings) -> Iterator[Peer]:
    """Yield the servers that the settings want TLS with."""
    if settings.security_protocol.endswith("SSL"):
        files = settings.ssl_ca, settings.ssl_certificate, settings.ssl_key
        for address in settings.bootstrap_servers.split(","):
            broker = urlsplit(f"//{address.strip().rpartition('://')[2]}")
            yield Peer("kafka", broker.hostname or "", broker.port or 9092, *files)
    redis = urlsplit(settings.redis_url)
    if redis.scheme == "rediss" and redis.hostname:
        yield Peer("redis", redis.hostname, redis.port or 6379, settings.redis_ca)


def not_after(peer: Peer) -> float:
    """Return when the certificate that a server shows ends, seconds since 1970. Raises `OSError`, also for TLS."""
    context = ssl.create_default_context(cafile=peer.ca or None)
    if peer.certificate:
        context.load_cert_chain(peer.certificate, peer.key)
    with (
        socket.create_connection((peer.host, peer.port), ASK_S) as plain,
        context.wrap_socket(plain, server_hostname=peer.host) as secure,
    ):
        shown = secure.getpeercert() or {}
    return float(ssl.cert_time_to_seconds(str(shown["notAfter"])))


def look_at_certificates(settings: ProbeSettings) -> None:
    """Put on /metrics when each kind of server's first certificate ends; one that does not answer is passed over."""
    ends: dict[str, float] = {}
    for peer in peers(settings):
        try:
            at = not_after(peer)
        except (OSError, ValueError) as error:
            log.warning("its certificate cannot be seen", extra={"reason": peer.server, "error": error})
            continue
        ends[peer.server] = min(at, ends.get(peer.server, at))
    for server, at in ends.items():
        metrics.CERTIFICATE_ENDS.labels(server).set(at)
