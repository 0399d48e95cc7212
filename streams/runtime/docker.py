"""Apache Kafka and Valkey in containers, by testcontainers: it also sweeps them away when we die."""

import importlib.util
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.runtime.handle import BrokerHandle, RedisHandle
from streams.runtime.process import free_port
from streams.runtime.provider import Wish

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

__all__ = ["KAFKA_IMAGE", "VALKEY_IMAGE", "DockerBroker", "DockerRedis"]

KAFKA_IMAGE = "apache/kafka:4.2.2"
VALKEY_IMAGE = "valkey/valkey:9.1.1-alpine"
NOTES = ("one container; what it holds is gone when it is stopped",)


@dataclass
class Container:
    """A `Node` that is a container; restarting keeps its disk, stopping removes it."""

    container: "DockerContainer"
    ready: str
    _made: bool = False

    def start(self) -> None:
        """Create it, or start it again after `kill`."""
        if self._made:
            self.container.get_wrapped_container().start()
        else:
            self.container.start()
            self._made = True

    def wait(self) -> None:
        """Return once its log holds the words that say it serves."""
        from testcontainers.core.wait_strategies import LogMessageWaitStrategy

        LogMessageWaitStrategy(self.ready).with_startup_timeout(120).wait_until_ready(self.container)

    def stop(self, timeout: float) -> None:
        """Stop in good order, then remove it."""
        if self._made:
            self.container.get_wrapped_container().stop(timeout=int(timeout))
            self.container.stop()
            self._made = False

    def kill(self) -> None:
        """SIGKILL inside the container; its disk stays."""
        self.container.get_wrapped_container().kill()


@dataclass(frozen=True)
class DockerBroker:
    """Apache Kafka, one broker in one container."""

    name: str = "docker"

    def available(self) -> str | None:
        """None when Docker answers."""
        return _docker_missing()

    def start(self, wish: Wish) -> BrokerHandle:
        """Start it with its port on 127.0.0.1."""
        port = wish.port or free_port()
        environ = {
            "KAFKA_NODE_ID": "1",
            "KAFKA_PROCESS_ROLES": "broker,controller",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
            "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
            "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
            "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
            "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
            "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "500",
            "KAFKA_TRANSACTION_ABORT_TIMED_OUT_TRANSACTION_CLEANUP_INTERVAL_MS": "1000",
        }
        node = _run(KAFKA_IMAGE, 9092, port, environ, ready="Kafka Server started")
        version = f"Apache Kafka {KAFKA_IMAGE.partition(':')[2]} (container)"
        return BrokerHandle(kind=self.name, bootstrap=f"127.0.0.1:{port}", version=version, notes=NOTES, nodes=(node,))


@dataclass(frozen=True)
class DockerRedis:
    """Valkey in a container."""

    name: str = "docker"

    def available(self) -> str | None:
        """None when Docker answers."""
        return _docker_missing()

    def start(self, wish: Wish) -> RedisHandle:
        """Start it with its port on 127.0.0.1."""
        port = wish.port or free_port()
        node = _run(VALKEY_IMAGE, 6379, port, {"VALKEY_EXTRA_FLAGS": "--appendonly yes"}, ready="Ready to accept")
        version = f"Valkey {VALKEY_IMAGE.partition(':')[2]} (container)"
        return RedisHandle(
            kind=self.name, url=f"redis://127.0.0.1:{port}/0", version=version, notes=NOTES, nodes=(node,)
        )


def _docker_missing() -> str | None:
    if importlib.util.find_spec("testcontainers") is None:
        return "testcontainers is not installed; `pip install leadstream[dev]`"
    if shutil.which("docker") is None:
        return "there is no docker on the PATH"
    try:
        ping = subprocess.run(("docker", "info"), capture_output=True, timeout=10, check=False)
    except subprocess.TimeoutExpired:
        return "the Docker daemon does not answer"
    return None if ping.returncode == 0 else "the Docker daemon does not answer"


def _run(image: str, inside: int, port: int, environ: Mapping[str, str], ready: str) -> Container:
    from testcontainers.core.container import DockerContainer

    container = DockerContainer(image, env=dict(environ))
    # Not with_bind_ports: it would open the port to the network. docker-py takes the pair, whatever the types say.
    container.ports = {f"{inside}/tcp": ("127.0.0.1", port)}  # type: ignore[dict-item]
    node = Container(container, ready)
    node.start()
    node.wait()
    return node
