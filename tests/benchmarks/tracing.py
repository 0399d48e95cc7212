"""What tracing costs a worker: the same events through its boundary, untraced, one in a hundred traced, and all.

`python -m tests.benchmarks.tracing [EVENTS]`. CPU time of the whole process, sending spans included; no broker, whose
work is the same in all three, so the real share is smaller. The runs take turns, and the least of each counts: others
on this machine only ever add to it.
"""

import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from connectors.tracing import TRACEPARENT, Tracing
from schemas.topics import Emit
from streams.engine.boundary import Boundary, Raw, Slice
from streams.engine.garbage import spare
from streams.engine.outbox import Outbox
from streams.engine.store import MemoryStore
from streams.engine.table import Table
from streams.engine.traces import Headers
from streams.tracing import RoundTraces
from tests.benchmarks.flow import Sent, agents, place
from tests.benchmarks.load import make
from tests.pipeline import CODEC, PARTITIONS

RUNS, ROUND = 7, 500


class Record(NamedTuple):
    """A record as it is consumed."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class Kept(Outbox):
    """Keeps what is sent, with its headers."""

    def __init__(self) -> None:
        self.headers = None
        self.sent: list[tuple[str, bytes, bytes, Headers]] = []

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int = -1,  # noqa: ARG002 - the outbox's
        delivered: Callable[[int], None] | None = None,  # noqa: ARG002
    ) -> None:
        """Keep a record."""
        self.sent.append((topic, key or b"", value or b"", self.headers or []))


class Counted(SpanExporter):
    """Encodes spans as they would be sent, and counts them."""

    def __init__(self) -> None:
        self.spans = self.bytes = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Encode a batch."""
        from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

        self.spans += len(spans)
        self.bytes += len(encode_spans(spans).SerializeToString())
        return SpanExportResult.SUCCESS


def run(load: Sequence[Sent], ratio: float) -> tuple[float, int]:
    """Put the load through; return the CPU seconds and how many spans were sent."""
    exporter = Counted()
    tracing = Tracing("worker", ratio, exporter) if ratio else None
    traces = RoundTraces(tracing) if tracing else None
    box = Kept()
    boundaries = {
        topic.name: Boundary(agent, CODEC, box, PARTITIONS, traces) for agent in agents() for topic in agent.inputs
    }
    tables: dict[tuple[str, int], tuple[Table, ...]] = {}
    due: deque[tuple[str, bytes, bytes, Headers]] = deque()
    for number, sent in enumerate(load):
        headers: Headers = []
        if tracing is not None and (ratio >= 1 or number % round(1 / ratio) == 0):
            headers = [(TRACEPARENT, f"00-{number + 1:032x}-{number + 1:016x}-01".encode())]
        due.append((sent.topic, sent.key, sent.value, headers))
    began = time.process_time()
    while due:
        taken = [due.popleft() for _ in range(min(ROUND, len(due)))]
        slices: dict[tuple[str, int], list[Record]] = {}
        for topic, key, value, headers in taken:
            record = Record(0, 0, key, value, headers)  # type: ignore[arg-type]
            slices.setdefault((topic, place(key)), []).append(record)
        for (topic, partition), records in slices.items():
            boundary = boundaries[topic]
            if (boundary.agent.name, partition) not in tables:
                tables[boundary.agent.name, partition] = tuple(
                    Table(table, partition, MemoryStore(), CODEC) for table in boundary.agent.tables
                )
            emitted: list[Emit] = []
            boundary.apply(
                Slice(topic, partition, cast("Sequence[Raw]", records)), tables[boundary.agent.name, partition], emitted
            )
        if traces is not None:
            traces.committed(len(taken))
        due.extend(item for item in box.sent if item[0] in boundaries)
        box.sent.clear()
    if tracing is not None:
        tracing.close()
    return time.process_time() - began, exporter.spans


def main(events: int = 4_000) -> None:
    """Print the figures."""
    load = make(events)
    spare()
    ratios = (0.0, 0.01, 1.0)
    took = {ratio: float("inf") for ratio in ratios}
    spans = dict.fromkeys(ratios, 0)
    run(load[: events // 4], 0.01)
    for _ in range(RUNS):
        for ratio in ratios:
            seconds, spans[ratio] = run(load, ratio)
            took[ratio] = min(took[ratio], seconds)
    for ratio in ratios:
        us = took[ratio] / events * 1e6
        more = took[ratio] / took[0.0] - 1
        sys.stdout.write(f"traced {ratio:>6.0%}: {us:7.1f} us of CPU per event, {more:+.1%}, {spans[ratio]} spans\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
