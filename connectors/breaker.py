"""The circuit breaker: whether a destination is in trouble, and when it may be asked again.

It looks at leads, not at attempts: one lead that a destination chokes on is that lead's trouble, and opens nothing.
"""

from collections.abc import Hashable, Iterable

from connectors.sinks.delivery import Delivery, Retry, Skipped

__all__ = ["Breaker"]

LEADS = 5  # different leads that fail in a row, with no success between, are the destination's trouble
FIRST_S, LONGEST_S = 1.0, 60.0


class Breaker:
    """Closed while all is well; open it lets one attempt through when its pause is over. Times are seconds."""

    def __init__(self, leads: int = LEADS, first_s: float = FIRST_S, longest_s: float = LONGEST_S) -> None:
        self._leads, self._first_s, self._longest_s = leads, first_s, longest_s
        self._failed: set[Hashable] = set()
        self._pause_s = first_s
        self._until = 0.0
        self.open = False

    def wait_s(self, now: float) -> float:
        """Return how long no attempt is to be made: 0 = go on."""
        return max(self._until - now, 0.0) if self.open else 0.0

    def heard(self, outcomes: Iterable[tuple[Hashable, Delivery]], now: float) -> None:
        """Note what came of one attempt, by lead. Of those that were not for this destination, it was not asked."""
        asked = [(lead, outcome) for lead, outcome in outcomes if not isinstance(outcome, Skipped)]
        troubles = [(lead, it.after_s) for lead, it in asked if isinstance(it, Retry) and not it.alone]
        if len(troubles) < len(asked):
            self.succeeded()
        elif asked:
            waits = [after_s for _, after_s in troubles if after_s is not None]
            self.failed((lead for lead, _ in troubles), now, max(waits, default=None))

    def succeeded(self) -> None:
        """Note an answer: the destination is well."""
        self._failed.clear()
        self._pause_s = self._first_s
        self.open = False

    def failed(self, leads: Iterable[Hashable], now: float, asked_s: float | None = None) -> None:
        """Note an attempt with these leads that came to nothing; `asked_s` = how long it wants to be left alone."""
        self._failed.update(leads)
        if asked_s:
            self.open, self._until = True, max(self._until, now + asked_s)
        elif self.open or len(self._failed) >= self._leads:
            self.open, self._until = True, now + self._pause_s
            self._pause_s = min(self._pause_s * 2, self._longest_s)
