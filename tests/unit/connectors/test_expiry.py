"""When a certificate ends is read from the server that shows it, over TLS."""

import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from connectors.expiry import look_at_certificates, peers
from connectors.settings import ProbeSettings
from streams.runtime.process import free_port
from tests.certificates import Authority

DAY_S = 86_400.0


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def port(authority: Authority) -> Iterator[int]:
    """Where somebody speaks TLS, with a certificate that ends in a day."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.server("server"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def settings(**told: str) -> ProbeSettings:
    return ProbeSettings.read({"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", **told})


def ends(server: str) -> float | None:
    return REGISTRY.get_sample_value("leadstream_certificate_not_after_timestamp_seconds", {"server": server})


def test_kafka_and_redis_are_asked_by_the_authorities_that_are_theirs(authority: Authority, port: int) -> None:
    ca = str(authority.file)
    look_at_certificates(
        settings(
            KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{free_port()}, localhost:{port}",
            KAFKA_SECURITY_PROTOCOL="SSL",
            KAFKA_SSL_CA=ca,
            REDIS_URL=f"rediss://127.0.0.1:{port}/0",
            REDIS_CA=ca,
        )
    )
    for server in ("kafka", "redis"):
        at = ends(server)
        assert at is not None, "one broker that does not answer hides no other"
        assert 0.9 * DAY_S < at - time.time() <= DAY_S


def test_a_server_that_shows_what_nobody_signed_is_passed_over(port: int, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other", "other")
    before = ends("redis")
    look_at_certificates(settings(REDIS_URL=f"rediss://127.0.0.1:{port}/0", REDIS_CA=str(other.file)))
    assert ends("redis") == before


def test_without_tls_nobody_is_asked() -> None:
    assert list(peers(settings(REDIS_URL="redis://127.0.0.1:1/0"))) == []
    assert list(peers(settings(KAFKA_SECURITY_PROTOCOL="PLAINTEXT"))) == []


def test_addresses_are_read_as_the_client_reads_them() -> None:
    told = settings(KAFKA_BOOTSTRAP_SERVERS="[::1]:9093, SSL://k1:9094,k2", KAFKA_SECURITY_PROTOCOL="SSL")
    assert [(it.host, it.port) for it in peers(told)] == [("::1", 9093), ("k1", 9094), ("k2", 9092)]
