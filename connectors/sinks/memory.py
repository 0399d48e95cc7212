"""The in-memory twin: a destination for trying things out and for tests, with answers laid out beforehand."""

from collections import deque
from collections.abc import Iterable

from connectors.settings import RelaySettings
from connectors.sinks.delivery import Delivered, Delivery
from schemas.person import Fields
from schemas.records import RoutedLead

__all__ = ["MemorySink", "open_sink"]

KEPT = 10_000


class MemorySink:
    """Keeps the last decisions, each once. `answers` are given first, in order; then everything is delivered."""

    def __init__(self, answers: Iterable[Delivery] = ()) -> None:
        self.answers = deque(answers)
        self.attempts: deque[str] = deque(maxlen=KEPT)
        self.leads: dict[str, tuple[RoutedLead, Fields]] = {}

    async def deliver(self, routed: RoutedLead, person: Fields) -> Delivery:
        """Give the next answer; keep the lead when that is `Delivered`."""
        self.attempts.append(routed.decision_id)
        answer = self.answers.popleft() if self.answers else Delivered()
        if isinstance(answer, Delivered):
            self.leads[routed.decision_id] = routed, person
            if len(self.leads) > KEPT:
                del self.leads[next(iter(self.leads))]
        return answer

    async def close(self) -> None:
        """Nothing to let go of."""


def open_sink(settings: RelaySettings) -> MemorySink:  # noqa: ARG001 - there is nothing to set
    """Return an empty one."""
    return MemorySink()
