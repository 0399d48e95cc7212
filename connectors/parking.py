"""Leads that wait long: their records move to the destination's retry topic, in order, and out of everybody's way.

While a lead has a record there, its later ones go there too. The retry topic has the partitions of the lane's, so
whoever owns a lead's decisions owns what waits of them; it is read to its end before any new decision is.
"""

import asyncio
from collections import deque
from collections.abc import Iterable

from connectors.backlog import Job, Lead
from connectors.ledger import Ledger
from connectors.outgoing import Outgoing
from connectors.reader import Spot

__all__ = ["Parking"]


class Parking:
    """Which leads wait, under which offsets of the retry topic."""

    def __init__(self, outgoing: Outgoing, ledger: Ledger) -> None:
        self._outgoing, self._ledger = outgoing, ledger
        self._waiting: dict[Lead, set[int]] = {}
        self._moving: dict[Lead, deque[Job]] = {}
        self._read: dict[int, int] = {}  # the last offset read of each partition of the retry topic

    def stop(self) -> None:
        """Give up what the broker does not take."""
        self._outgoing.stop()

    def holds(self, lead: Lead) -> bool:
        """Tell whether a lead has records that wait, or that are on their way to it."""
        return lead in self._waiting or lead in self._moving

    def park(self, jobs: Iterable[Job], tasks: asyncio.TaskGroup) -> None:
        """Move a lead's jobs, in their order; each is settled when the broker has it."""
        for job in jobs:
            if job.lead not in self._moving:
                self._moving[job.lead] = deque([job])
                tasks.create_task(self._move(job.lead, self._moving[job.lead]))
            else:
                self._moving[job.lead].append(job)

    def came_back(self, job: Job) -> None:
        """Note a record that was read off the retry topic."""
        self._waiting.setdefault(job.lead, set()).add(job.offset)
        self._read[job.spot[1]] = job.offset

    def gone(self, job: Job) -> None:
        """Note a job that is dealt with."""
        offsets = self._waiting.get(job.lead)
        if offsets is not None and job.spot[0] == self._outgoing.topic:
            offsets.discard(job.offset)
            if not offsets:
                del self._waiting[job.lead]

    def forget(self, spot: Spot) -> None:
        """Let go of a partition; of the lane's topic only what is on its way, of the retry topic what waits there."""
        topic, partition = spot
        if topic != self._outgoing.topic:
            self._moving = {lead: jobs for lead, jobs in self._moving.items() if lead[0] != partition}
            return
        self._waiting = {lead: offsets for lead, offsets in self._waiting.items() if lead[0] != partition}
        self._read.pop(partition, None)

    async def _move(self, lead: Lead, jobs: deque[Job]) -> None:
        while jobs and self._moving.get(lead) is jobs:
            job = jobs[0]
            offset = await self._outgoing.park(lead[0], lead[1], job.value, job.attempt, job.due_at, trace=job.trace)
            if offset is None or self._moving.get(lead) is not jobs:
                return
            if offset > self._read.get(lead[0], -1):  # else it has come back already, and may be dealt with
                self._waiting.setdefault(lead, set()).add(offset)
            self._ledger.settle(job.spot, job.offset)
            jobs.popleft()
        if self._moving.get(lead) is jobs:
            del self._moving[lead]
