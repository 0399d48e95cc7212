"""Redis with TLS and an ACL user: the view gets in by settings alone, and a refusal names the setting."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import redis

from connectors.access import open_redis, refusal
from connectors.settings import ViewSettings
from connectors.store import Store
from streams.runtime.process import Process, free_port
from tests.builders import profile
from tests.certificates import Authority

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]
USER, PASSWORD = "leadstream", "acl-secret-9931"
RULE = re.search(r"^ACL SETUSER \S+ on >\S+ (.+)$", (ROOT / "docs" / "access.md").read_text(), re.MULTILINE)


class Secured(NamedTuple):
    """A server: the port with TLS, the one without, and who signed its certificate."""

    tls: int
    plain: int
    authority: Path

    def settings(self, **changed: str) -> ViewSettings:
        return ViewSettings.read(
            {
                "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
                "REDIS_URL": f"rediss://127.0.0.1:{self.tls}/0",
                "REDIS_USERNAME": USER,
                "REDIS_PASSWORD": PASSWORD,
                "REDIS_CA": str(self.authority),
                **changed,
            }
        )


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("TLS to Redis is NOT tested: no redis-server (apt install redis-server)")
    assert RULE is not None
    folder, tls, plain = tmp_path_factory.mktemp("redis"), free_port(), free_port()
    authority = Authority(folder)
    certificate, key = authority.server("redis")
    (folder / "redis.conf").write_text(
        f"""bind 127.0.0.1
port {plain}
tls-port {tls}
tls-cert-file {certificate}
tls-key-file {key}
tls-ca-cert-file {authority.file}
tls-auth-clients no
save ""
user default off
user {USER} on >{PASSWORD} {RULE[1]}
user reader on >{PASSWORD} ~* +@connection +info
"""
    )
    server = Process((binary, str(folder / "redis.conf")), folder / "redis.log", "Ready to accept connections")
    server.start()
    server.wait()
    yield Secured(tls, plain, authority.file)
    server.stop()


def test_the_view_writes_and_reads_with_the_documented_rule(secured: Secured) -> None:
    store = Store(open_redis(secured.settings()))
    store.write([profile("e-1")])
    assert store.lead("e-1") is not None
    store.clear()
    assert store.lead("e-1") is None


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"REDIS_PASSWORD": "wrong-secret-77"}, "REDIS_USERNAME with REDIS_PASSWORD"),
        ({"REDIS_PASSWORD": ""}, "set REDIS_PASSWORD"),
        ({"REDIS_USERNAME": "reader"}, "does not let REDIS_USERNAME"),
        ({"REDIS_CA": "OTHER"}, "REDIS_CA is not the authority"),
        ({"REDIS_URL": "redis://127.0.0.1:TLS/0"}, "REDIS_URL says redis://"),
        ({"REDIS_URL": "rediss://127.0.0.1:PLAIN/0"}, "REDIS_URL says rediss://"),
    ],
    ids=["wrong password", "no password", "no right", "wrong CA", "plaintext to TLS", "TLS to plaintext"],
)
def test_a_refusal_names_the_setting_and_no_secret(
    secured: Secured, tmp_path: Path, changed: dict[str, str], named: str
) -> None:
    stranger = str(Authority(tmp_path, "stranger").file)
    meant = {"OTHER": stranger, "TLS": str(secured.tls), "PLAIN": str(secured.plain)}
    for name, value in changed.items():
        for word, means in meant.items():
            changed = changed | {name: changed[name].replace(word, means)} if word in value else changed
    settings = secured.settings(**changed)
    with pytest.raises(redis.RedisError) as caught:
        Store(open_redis(settings)).write([profile("e-1")])
    said = refusal(caught.value, settings)
    assert named in said
    assert PASSWORD not in said + repr(settings)
