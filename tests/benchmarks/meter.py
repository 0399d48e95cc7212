"""What a process spends on events, as it sees itself: CPU of all its threads, wall time, and its largest size.

Start-up is left out: the count begins with the last look before the first step. The end is when every raw event has
been through its step and nothing has moved for a while; a second more of CPU is counted, so that commits are in.
"""

import json
import os
import resource
import sys
import threading
import time
from collections.abc import Iterable
from typing import NamedTuple

from schemas.records import Record
from schemas.step import Agent, Applied, States

LOOK_S = 0.1
TAIL_S = 1.0


class Look(NamedTuple):
    """One look at the process: raw events and all records stepped so far; wall and CPU clocks in seconds."""

    raw: int
    steps: int
    wall: float
    cpu: float


class Meter:
    """Counts steps and ends the process with a line of JSON once `events` are through. `events` 0 = never."""

    def __init__(self, events: int, idle_s: float = 10.0) -> None:
        self._events, self._idle_s = events, idle_s
        self._raw, self._rest = [0], [0]

    def counted(self, agents: Iterable[Agent]) -> tuple[Agent, ...]:
        """Return the agents, their steps counted: the first one's are raw events."""
        first, *rest = agents
        return _counting(first, self._raw), *(_counting(agent, self._rest) for agent in rest)

    def start(self) -> None:
        """Begin to look."""
        if self._events:
            threading.Thread(target=self._watch, name="meter", daemon=True).start()

    def look(self) -> Look:
        """Look now."""
        return Look(self._raw[0], self._raw[0] + self._rest[0], time.perf_counter(), time.process_time())

    def tell(self, start: Look, moved: Look, cpu: float, pause_s: float = 0.0) -> None:
        """Print what was spent between two looks."""
        spent = {
            "events": self._events,
            "steps": moved.steps,
            "cpu_s": cpu - start.cpu,
            "wall_s": moved.wall - start.wall,
            "pause_s": pause_s,
            "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        print(json.dumps(spent), file=sys.__stdout__, flush=True)  # past what Faust puts there

    def _watch(self) -> None:
        start = moved = self.look()
        cpu, pause_s = start.cpu, 0.0
        while True:
            time.sleep(LOOK_S)
            now = self.look()
            if not now.steps:
                start = moved = now
            elif now.steps != moved.steps:
                pause_s = max(pause_s, now.wall - moved.wall)
                moved = now
            if now.wall <= moved.wall + TAIL_S:
                cpu = now.cpu
            if now.raw >= self._events and now.wall > moved.wall + self._idle_s:
                self.tell(start, moved, cpu, pause_s)
                os._exit(0)


def _counting(agent: Agent, count: list[int]) -> Agent:
    step = agent.step

    def counted(states: States, record: Record) -> Applied:
        count[0] += 1
        return step(states, record)

    return agent._replace(step=counted)
