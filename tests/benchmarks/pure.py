"""The fold alone, with no Kafka in it: what is left when an engine costs nothing.

`python -m tests.benchmarks.pure FILE EVENTS`.
"""

import sys
from collections import deque
from pathlib import Path

from streams.engine.garbage import spare
from tests.benchmarks.flow import Flow, Sent, agents, place
from tests.benchmarks.load import saved
from tests.benchmarks.meter import Meter


def main(path: Path, events: int) -> None:
    """Fold the load and what it makes."""
    meter = Meter(events)
    flow = Flow(meter.counted(agents()))
    due: deque[Sent] = deque(saved(path)[:events])
    spare()
    start = meter.look()
    while due:
        topic, key, value = due.popleft()
        if flow.takes(topic):
            due.extend(flow.apply(topic, place(key), value))
    end = meter.look()
    meter.tell(start, end, end.cpu)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
