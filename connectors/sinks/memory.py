"""The in-memory twin: a destination for trying things out and for tests, with answers laid out beforehand."""

from collections import deque
from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict

from connectors.egress.guard import Guard
from connectors.sinks.delivery import Delivered, Delivery, Parcel
from schemas.person import Fields
from schemas.records import RoutedLead

__all__ = ["MemorySink", "Options", "open_sink"]

KEPT = 10_000


class Options(BaseModel):
    """There is nothing to set."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class MemorySink:
    """Keeps the last decisions, each once. `answers` are given first, in order; then everything is delivered."""

    largest, newest = 1, False

    def __init__(self, answers: Iterable[Delivery] = ()) -> None:
        self.answers = deque(answers)
        self.attempts: deque[str] = deque(maxlen=KEPT)
        self.leads: dict[str, tuple[RoutedLead, Fields]] = {}

    async def deliver(self, parcels: Sequence[Parcel]) -> list[Delivery]:
        """Give the next answers; keep the leads whose answer is `Delivered`."""
        return [self._take(parcel) for parcel in parcels]

    async def erase(self, parcels: Sequence[Parcel]) -> list[Delivery]:
        """Give the next answers; of the leads whose answer is `Delivered` no decision is kept."""
        return [self._forget(parcel.routed) for parcel in parcels]

    async def close(self) -> None:
        """Nothing to let go of."""

    def _take(self, parcel: Parcel) -> Delivery:
        decision = parcel.routed.decision_id
        answer = self._answer(decision)
        if isinstance(answer, Delivered):
            self.leads[decision] = parcel.routed, parcel.person
            if len(self.leads) > KEPT:
                del self.leads[next(iter(self.leads))]
        return answer

    def _forget(self, routed: RoutedLead) -> Delivery:
        answer = self._answer(routed.decision_id)
        if isinstance(answer, Delivered):
            self.leads = {id_: kept for id_, kept in self.leads.items() if kept[0].lead_id != routed.lead_id}
        return answer

    def _answer(self, decision: str) -> Delivery:
        self.attempts.append(decision)
        return self.answers.popleft() if self.answers else Delivered("kept in memory")


def open_sink(options: Options, guard: Guard) -> MemorySink:  # noqa: ARG001 - there is nothing to set
    """Return an empty one."""
    return MemorySink()
