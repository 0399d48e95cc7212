"""The servers we were given: `KAFKA_BOOTSTRAP_SERVERS` and `REDIS_URL` win over everything we could start."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from streams.runtime.handle import BrokerHandle, RedisHandle
from streams.runtime.provider import Wish

__all__ = ["GivenBroker", "GivenRedis"]


@dataclass(frozen=True)
class GivenBroker:
    """A broker that somebody else runs."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    name: str = "given"

    def available(self) -> str | None:
        """None when an address is set."""
        return None if self.environ.get("KAFKA_BOOTSTRAP_SERVERS") else "KAFKA_BOOTSTRAP_SERVERS is not set"

    def start(self, wish: Wish) -> BrokerHandle:  # noqa: ARG002 - what runs already takes no wishes
        """The address as it was given; whether it answers is the caller's to find out."""
        return BrokerHandle(
            kind=self.name,
            bootstrap=self.environ["KAFKA_BOOTSTRAP_SERVERS"],
            version="broker of KAFKA_BOOTSTRAP_SERVERS",
        )


@dataclass(frozen=True)
class GivenRedis:
    """A Redis that somebody else runs."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    name: str = "given"

    def available(self) -> str | None:
        """None when a URL is set."""
        return None if self.environ.get("REDIS_URL") else "REDIS_URL is not set"

    def start(self, wish: Wish) -> RedisHandle:  # noqa: ARG002 - what runs already takes no wishes
        """The URL as it was given; whether it answers is the caller's to find out."""
        return RedisHandle(kind=self.name, url=self.environ["REDIS_URL"], version="server of REDIS_URL")
