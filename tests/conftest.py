"""The broker, the Redis and the schema registry that tests run on, chosen once a run and named in its summary."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

from streams.runtime.broker import FOR_TESTS, start_broker
from streams.runtime.handle import BrokerHandle, RedisHandle, UnavailableError
from streams.runtime.kafka import LocalKafka
from streams.runtime.provider import Wish
from streams.runtime.redis import start_redis
from streams.runtime.registry import RegistryHandle, start_registry
from tests.chaos.cluster import Cluster

SERVERS = pytest.StashKey[list[str]]()
REAL_KAFKA = {"given", "docker", "kafka"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--broker`, `--redis`, `--registry`: a server asked for by name is used or the run fails, never replaced."""
    brokers = ["auto", *(provider.name for provider in FOR_TESTS)]
    parser.addoption("--broker", choices=brokers, default=os.environ.get("LEADSTREAM_TEST_BROKER", "auto"))
    parser.addoption("--redis", default=os.environ.get("LEADSTREAM_TEST_REDIS", "auto"))
    parser.addoption("--registry", default=os.environ.get("LEADSTREAM_TEST_REGISTRY", "auto"))


def pytest_configure(config: pytest.Config) -> None:
    """A place to note which servers ran. No property fails because the machine is busy."""
    config.stash[SERVERS] = []
    settings.register_profile("leadstream", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("leadstream")


def pytest_report_header(config: pytest.Config) -> str:
    """What was asked for; the summary says what came."""
    return f"broker: {config.getoption('broker')}, redis: {config.getoption('redis')}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Which servers the tests really ran on."""
    for line in config.stash[SERVERS]:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def broker(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerHandle]:
    """One broker for the whole run. Topics are made by tests, under a prefix of their own."""
    wish = Wish(tmp_path_factory.mktemp("broker"), quick=True)
    handle = start_broker(wish, pytestconfig.getoption("broker"), FOR_TESTS)
    pytestconfig.stash[SERVERS].append(f"broker: {handle.version} at {handle.bootstrap}")
    yield handle
    handle.stop()


@pytest.fixture(scope="session")
def redis_server(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisHandle]:
    """One Redis for the whole run. Tests use keys under a prefix of their own."""
    handle = start_redis(Wish(tmp_path_factory.mktemp("redis")), pytestconfig.getoption("redis"))
    pytestconfig.stash[SERVERS].append(f"redis: {handle.version} at {handle.url}")
    yield handle
    handle.stop()


@pytest.fixture(scope="session")
def schema_registry(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryHandle]:
    """One schema registry for the whole run; skips where none is to be had, unless one was asked for by name."""
    name = pytestconfig.getoption("registry")
    try:
        handle = start_registry(Wish(tmp_path_factory.mktemp("registry")), name)
    except UnavailableError as error:
        if name != "auto":
            raise
        pytest.skip(f"no schema registry: {error}")
    pytestconfig.stash[SERVERS].append(f"registry: {handle.version} at {handle.url}")
    yield handle
    handle.stop()


@pytest.fixture
def topic_prefix() -> str:
    """A prefix nobody else uses, for topics, groups, transactional ids and Redis keys: `t3f9c2a1b.`."""
    return f"t{uuid4().hex[:8]}."


@pytest.fixture
def repository() -> Path:
    """The root of the clone."""
    return Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _needs(request: pytest.FixtureRequest) -> None:
    """`needs("real_kafka")` skips on the embedded broker, `needs("ours")` on a broker that we may not kill."""
    marker = request.node.get_closest_marker("needs")
    if marker is None:
        return
    broker: BrokerHandle = request.getfixturevalue("broker")
    has = {"real_kafka": broker.kind in REAL_KAFKA, "ours": bool(broker.nodes)}
    for need in marker.args:
        if not has[need]:
            pytest.skip(f"needs {need}; this run has {broker.version}")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three nodes of Apache Kafka behind doors of ours, as the chaos rows want them."""
    if reason := LocalKafka().available():
        pytest.skip(reason)
    three = Cluster(tmp_path_factory.mktemp("cluster"))
    yield three
    three.stop()
