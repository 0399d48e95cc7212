"""How a server is chosen: providers in order of preference, each of which serves or says why it cannot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from streams.runtime.handle import Handle, UnavailableError

__all__ = ["Provider", "Wish", "choose"]

H_co = TypeVar("H_co", bound=Handle, covariant=True)


@dataclass(frozen=True)
class Wish:
    """How a server should be started: `port` 0 takes a free one, `nodes` counts brokers of one cluster.

    `quick` shortens what a broker waits for on purpose: compaction pauses, session timeouts, abandoned transactions.
    `doors` are, for each node of Apache Kafka, a port to listen on besides and the port that clients coming in there
    are sent to: a proxy's, so that their links can be cut while others' hold. `listeners` (`NAME://host:port`) and
    `properties` are added to those of a node of Apache Kafka.
    """

    data_dir: Path
    port: int = 0
    nodes: int = 1
    quick: bool = False
    doors: tuple[tuple[int, int], ...] = ()
    listeners: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)


class Provider(Protocol[H_co]):
    """One way to get a server."""

    @property
    def name(self) -> str:
        """What the command line and the tests call it."""

    def available(self) -> str | None:
        """None when it can serve, else the reason and what would help, in words for people."""

    def start(self, wish: Wish) -> H_co:
        """Start a server and return once it serves. Raises `StartError`."""


def choose(providers: Sequence[Provider[H_co]], name: str = "auto") -> Provider[H_co]:
    """The first provider that can serve, or the one called `name`.

    Raises `UnavailableError` with every reason met on the way: one asked for by name is never replaced in silence.
    """
    candidates = [provider for provider in providers if name in ("auto", provider.name)]
    if not candidates:
        raise UnavailableError(
            f"no provider is called {name!r}; there are auto, {', '.join(p.name for p in providers)}"
        )
    reasons: list[str] = []
    for provider in candidates:
        reason = provider.available()
        if reason is None:
            return provider
        reasons.append(f"{provider.name}: {reason}")
    raise UnavailableError("; ".join(reasons))
