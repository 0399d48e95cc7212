"""When too many events crash our code, it is the code that is wrong: the worker stops rather than bury them all."""

from collections import deque


class TooManyCrashes(Exception):
    """More events crashed within the window than a few odd ones explain."""


class CrashLimit:
    """Allows a share of crashing events in a sliding window of time. `now` comes in as a value, in seconds."""

    def __init__(self, window_s: float = 60.0, share: float = 0.2, least: int = 100) -> None:
        self._window_s, self._share, self._least = window_s, share, least
        self._seen: deque[tuple[float, int, int]] = deque()

    def count(self, records: int, crashes: int, now: float) -> None:
        """Count a round that has committed: one that is done again must not count twice."""
        self._seen.append((now, records, crashes))

    def check(self, records: int, crashes: int, now: float) -> None:
        """Look at a round before it commits.

        Raises `TooManyCrashes` at `least` crashes in the window when they are more than `share` of all its records.

        >>> limit = CrashLimit(window_s=60, share=0.2, least=10)
        >>> limit.check(records=1000, crashes=10, now=0.0)
        >>> limit.count(records=1000, crashes=10, now=0.0)
        >>> limit.check(records=10, crashes=10, now=61.0)
        Traceback (most recent call last):
        ...
        streams.engine.limits.TooManyCrashes: 10 of 10 events crashed within 60 s
        """
        while self._seen and self._seen[0][0] <= now - self._window_s:
            self._seen.popleft()
        total = records + sum(counted for _, counted, _ in self._seen)
        crashed = crashes + sum(counted for _, _, counted in self._seen)
        if crashed >= self._least and crashed > self._share * total:
            raise TooManyCrashes(f"{crashed} of {total} events crashed within {self._window_s:g} s")
