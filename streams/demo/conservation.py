"""Nothing is lost: what the collector accepted must equal what the agents, in each transaction, say became of it."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

Fates = Mapping[tuple[str, str], int]  # (agent, fate) -> records

RESOLVED = ("touchpoint", "outcome")  # went on to qualify
ENDED = ("consent_dropped", "test", "quarantined", "dead_letter")  # ended in resolve
QUALIFIED = ("applied", "erased", "suppressed", "deduplicated", "dead_letter")
# "forwarded", "linked", "merged" and "rekeyed" are moves: the record, or what it caused, arrives again and ends there.


class Conservation(NamedTuple):
    """The two equations that close the books; a difference of either sign is a fault."""

    accepted: int
    resolved: int
    passed_on: int
    qualified: int

    @property
    def lost(self) -> int:
        """Events that were accepted and not accounted for; negative when more came out than went in."""
        return (self.accepted - self.resolved) or (self.passed_on - self.qualified)

    def missing(self) -> str:
        """Say which equation is open, and by how much; "" when both are closed."""
        said = []
        if self.accepted != self.resolved:
            said.append(f"accepted {self.accepted}, but resolve accounts for {self.resolved}")
        if self.passed_on != self.qualified:
            said.append(f"resolve passed on {self.passed_on}, but qualify accounts for {self.qualified}")
        return "; ".join(said)


def conserve(accepted: int, fates: Fates) -> Conservation:
    """Hold the senders' count against the agents' counts.

    >>> fates = {("resolve", "touchpoint"): 8, ("resolve", "test"): 1, ("qualify", "applied"): 8}
    >>> conserve(9, fates).lost, conserve(10, fates).lost
    (0, 1)
    """
    passed_on = _sum(fates, "resolve", RESOLVED)
    return Conservation(
        accepted=accepted,
        resolved=passed_on + _sum(fates, "resolve", ENDED),
        passed_on=passed_on,
        qualified=_sum(fates, "qualify", QUALIFIED),
    )


def total(fates: Fates, fate: str) -> int:
    """Return how many records met a fate, whichever agent it was."""
    return sum(count for (_, met), count in fates.items() if met == fate)


def _sum(fates: Fates, agent: str, wanted: tuple[str, ...]) -> int:
    found: Counter[tuple[str, str]] = Counter(fates)
    return sum(found[agent, fate] for fate in wanted)
