"""The ways out: one module for each kind of destination, all of them in `SINKS`."""

from collections.abc import Callable

from connectors.settings import RelaySettings
from connectors.sinks import memory, webhook
from connectors.sinks.delivery import Sink

__all__ = ["SINKS"]

SINKS: dict[str, Callable[[RelaySettings], Sink]] = {
    "webhook": webhook.open_sink,
    "memory": memory.open_sink,
}
