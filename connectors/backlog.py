"""What a destination still has to be given: each lead's decisions in their order, and whose turn it is.

Pure bookkeeping: no clock, no I/O. A lead that is being delivered, or that waits, holds up nobody but itself.
"""

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from connectors.reader import Spot
from connectors.sinks.delivery import Parcel

__all__ = ["Backlog", "Job", "Lead"]

Lead = tuple[int, bytes]  # partition and key: the same on a destination's retry topic
NONE = -1


@dataclass(slots=True, eq=False)
class Job:
    """One record that is to be delivered: where it lies, what it says, how often it was tried."""

    lead: Lead
    spot: Spot
    offset: int
    value: bytes
    parcel: Parcel
    attempt: int = 0
    due_at: float = 0.0
    trace: str = ""  # the `traceparent` it carries
    overtaken: bool = False  # by an erasure, while it was being delivered: it is not tried again


@dataclass(slots=True)
class _Queue:
    jobs: deque[Job] = field(default_factory=deque)
    turn: int = NONE  # its entry in the heap; others of it there are of no account
    taken: Job | None = None  # it is being delivered


class Backlog:
    """Leads whose first job is due come out, those tried least first; the rest of a lead's jobs stay behind it."""

    def __init__(self) -> None:
        self._queues: dict[Lead, _Queue] = {}
        self._later: list[tuple[float, int, int, Lead]] = []  # due at, attempt, turn
        self._due: list[tuple[int, int, Lead]] = []  # attempt, turn
        self._turn = count()

    def __len__(self) -> int:
        return sum(len(queue.jobs) for queue in self._queues.values())

    def add(self, job: Job) -> None:
        """Put a job behind its lead's others."""
        queue = self._queues.setdefault(job.lead, _Queue())
        queue.jobs.append(job)
        self._wait(job.lead, queue)

    def take(self, now: float, most: int) -> list[Sequence[Job]]:
        """Return the jobs of up to `most` leads that are due, the first due first; a lead comes out once at a time."""
        while self._later and self._later[0][0] <= now:
            _, attempt, turn, lead = heapq.heappop(self._later)
            heapq.heappush(self._due, (attempt, turn, lead))
        found: list[Sequence[Job]] = []
        while self._due and len(found) < most:
            _, turn, lead = heapq.heappop(self._due)
            queue = self._queues.get(lead)
            if queue is not None and queue.turn == turn:
                queue.turn, queue.taken = NONE, queue.jobs[0]
                found.append(tuple(queue.jobs))
        return found

    def done(self, jobs: Sequence[Job]) -> None:
        """Strike off a lead's first jobs, which are dealt with; what is behind them is due."""
        queue = self._queues.get(jobs[0].lead)
        if queue is None or queue.taken is not jobs[0]:
            return  # let go meanwhile
        for job in jobs:
            if queue.jobs and queue.jobs[0] is job:
                queue.jobs.popleft()
        queue.taken = None
        self._wait(jobs[0].lead, queue)

    def again(self, job: Job) -> None:
        """Note that a lead's first job was tried in vain, and is due again at its `due_at`."""
        queue = self._queues.get(job.lead)
        if queue is not None and queue.taken is job:
            queue.taken = None
            self._wait(job.lead, queue)

    def withdraw(self, job: Job) -> list[Job]:
        """Return all jobs of the lead whose turn this is, and have them no more; none when it was let go meanwhile."""
        queue = self._queues.get(job.lead)
        if queue is None or queue.taken is not job:
            return []
        del self._queues[job.lead]
        return list(queue.jobs)

    def overtake(self, lead: Lead) -> list[Job]:
        """Have what waits of a lead no more, and return it; what is being delivered is marked."""
        queue = self._queues.pop(lead, None)
        if queue is None:
            return []
        if queue.taken is not None:
            queue.taken.overtaken = True
            self._queues[lead] = _Queue(deque([queue.taken]), taken=queue.taken)
        return [job for job in queue.jobs if job is not queue.taken]

    def next_at(self) -> float | None:
        """Return when the next lead is due, 0 when one is; None when nobody waits."""
        return 0.0 if self._due else self._later[0][0] if self._later else None

    def forget(self, spot: Spot) -> None:
        """Let go of what lies on this partition of this topic."""
        for lead, queue in list(self._queues.items()):
            kept = deque(job for job in queue.jobs if job.spot != spot)
            if len(kept) < len(queue.jobs):
                queue.jobs = kept
                self._wait(lead, queue)

    def _wait(self, lead: Lead, queue: _Queue) -> None:
        if not queue.jobs and queue.taken is None:
            self._queues.pop(lead, None)
        elif queue.jobs and queue.turn == NONE and queue.taken is None:
            first, queue.turn = queue.jobs[0], next(self._turn)
            heapq.heappush(self._later, (first.due_at, first.attempt, queue.turn, lead))
