"""A schema registry that speaks Confluent's API: the one we were given, else Apicurio Registry from its archive.

The archive is that of `infra/registry/pom.xml`, fetched by Maven into a cache outside the repository: it needs a clone.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from streams.runtime.handle import Handle
from streams.runtime.kafka import java, no_java
from streams.runtime.maven import Recipe
from streams.runtime.process import Process, free_port
from streams.runtime.provider import Provider, Wish, choose

__all__ = ["REGISTRY", "REGISTRY_PROVIDERS", "GivenRegistry", "LocalRegistry", "RegistryHandle", "start_registry"]

REGISTRY = Recipe(
    "Apicurio Registry",
    Path(__file__).parents[2] / "infra" / "registry" / "pom.xml",
    "registry.version",
    ("dependency:unpack-dependencies", "-DoutputDirectory={into}", "-DmarkersDirectory={into}"),
    "registry/{version}",
)
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
        return no_java() or REGISTRY.available()

    def start(self, wish: Wish) -> RegistryHandle:
        """Fetch the archive if need be and start it on 127.0.0.1."""
        jar = REGISTRY.fetch() / f"apicurio-registry-app-{REGISTRY.version}-runner.jar"
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
            version=f"Apicurio Registry {REGISTRY.version} (from its archive, Confluent's API v7)",
            data_dir=wish.data_dir,
            notes=("on 127.0.0.1, schemas in memory",),
            nodes=(process,),
        )


REGISTRY_PROVIDERS: Sequence[Provider[RegistryHandle]] = (GivenRegistry(), LocalRegistry())


def start_registry(wish: Wish, name: str = "auto") -> RegistryHandle:
    """Start the first registry to be had, or the one called `name`. Raises `UnavailableError` or `StartError`."""
    return choose(REGISTRY_PROVIDERS, name).start(wish)
