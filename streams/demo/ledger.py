"""What the senders know of their own events: sent, accepted, refused and why. The audit is the books' other side."""

from collections import Counter
from dataclasses import dataclass, field

from streams.demo.sends import Send


@dataclass
class Ledger:
    """Counts by event, not by request. `accepted` holds how often each id was: an exact duplicate is accepted as well.

    `retried` counts requests that were sent again, under the same ids; `unanswered` the events that were given up.
    """

    sent: int = 0
    requests: int = 0
    retried: int = 0
    accepted: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    unanswered: Counter[str] = field(default_factory=Counter)

    def post(self, send: Send) -> None:
        """A request is on its way."""
        self.requests += 1
        self.sent += len(send.ids)

    def answer(self, send: Send, problems: dict[int, str]) -> None:
        """A request was answered: `problems` gives a code for each refused event, by its place in the request."""
        for place, id_ in enumerate(send.ids):
            code = problems.get(place)
            if code is None:
                self.accepted[id_] += 1
            else:
                self.refused[code] += 1

    def give_up(self, send: Send, why: str) -> None:
        """A request was never answered; nobody knows what became of its events."""
        self.unanswered[why] += len(send.ids)

    @property
    def taken(self) -> int:
        """How many events the collector answered for."""
        return self.accepted.total()
