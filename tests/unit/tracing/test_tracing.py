"""Traces are off unless asked for, carried in headers, told only of what has committed, and free of people."""

import builtins
from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from connectors.log.trace import TRACE_ID
from connectors.settings import Connection, SettingsError
from connectors.tracing import TRACEPARENT, Tracing, carried, open_tracing
from schemas.records import RawEvent
from schemas.rejected import Reason, Rejected
from schemas.step import Agent, Applied, States
from schemas.topics import EVENTS_WEB, TOUCHPOINTS, Emit
from streams.engine.boundary import Boundary, Slice
from streams.engine.outbox import Outbox
from streams.tracing import RoundTraces
from tests.builders import raw_event, touchpoint
from tests.pipeline import CODEC
from tests.unit.log.test_crash import Record

TRACED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CANARY = "zoe.canary@example.com"


class Kept(SpanExporter):
    """Keeps the spans."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans += spans
        return SpanExportResult.SUCCESS


class Sent(Outbox):
    """Keeps what would be sent, and the headers it carries."""

    def __init__(self) -> None:
        self.headers = None
        self.carrying: list[tuple[str, str]] = []

    def send(self, topic: str, *_: object, **__: object) -> None:
        self.carrying.append((topic, carried(self.headers)))


def step(_: States, record: Any) -> Applied:
    """Pass on, refuse or crash, as the event's id asks."""
    assert isinstance(record, RawEvent)
    if record.event_id.startswith("refuse"):
        raise Rejected(Reason.JUNK_ID, "userId")
    if record.event_id.startswith("crash"):
        raise ValueError(CANARY)
    assert TRACE_ID.get() == ("" if record.event_id == "untraced" else TRACED.split("-")[1])
    return Applied((), (Emit(TOUCHPOINTS, "e-1", touchpoint()),), "passed")


def worked(*events: tuple[str, bytes | None], undone: bool = False) -> tuple[list[tuple[str, str]], list[ReadableSpan]]:
    """Put events with their `traceparent` through a boundary; return what was sent, and the spans."""
    exporter, sent = Kept(), Sent()
    tracing = Tracing("worker", 1.0, exporter)
    traces = RoundTraces(tracing)
    agent = Agent("resolve", (EVENTS_WEB,), (), lambda _: (), step, keyed=False)
    records = [
        Record(at, 0, b"v-1", CODEC.encode(raw_event(event_id=name)), ((TRACEPARENT, header),) if header else ())
        for at, (name, header) in enumerate(events)
    ]
    Boundary(agent, CODEC, sent, 4, traces).apply(Slice(EVENTS_WEB.name, 3, records), (), [])
    traces.undone() if undone else traces.committed(len(records))
    tracing.close()
    return sent.carrying, exporter.spans


def test_what_is_made_of_a_traced_record_carries_its_trace_and_nothing_else_does() -> None:
    sent, spans = worked(("ok", TRACED.encode()), ("untraced", None), ("refuse", TRACED.encode()))
    trace = TRACED.split("-")[1]
    assert [(topic, parent.split("-")[1] if parent else "") for topic, parent in sent] == [
        ("touchpoints", trace),
        ("touchpoints", ""),
        ("dead-letters", trace),
        ("audit", ""),
    ]
    told = {span.name: span for span in spans}
    assert [span.name for span in spans] == ["resolve", "resolve", "round"]
    assert f"{spans[0].context.trace_id:032x}" == trace
    assert spans[0].parent is not None
    assert f"{spans[0].parent.span_id:016x}" == TRACED.split("-")[2]
    assert [link.context.span_id for link in told["round"].links] == [span.context.span_id for span in spans[:2]]
    assert dict(spans[1].attributes or {}) == {"leadstream.fate": "dead_letter", "leadstream.reason": "junk_id"}
    assert dict(told["round"].attributes or {}) == {"leadstream.records": 3}


def test_a_crash_leaves_no_words_in_its_span() -> None:
    _, spans = worked(("crash", TRACED.encode()))
    assert [span.name for span in spans] == ["resolve", "round"]
    assert CANARY not in "".join(span.to_json() for span in spans)
    assert TRACE_ID.get() == ""


def test_of_a_round_that_was_undone_nothing_is_told() -> None:
    _, spans = worked(("ok", TRACED.encode()), undone=True)
    assert spans == []


@pytest.mark.parametrize(
    "header",
    [b"", b"00-zz", TRACED.encode() + b"1", TRACED.replace("-01", "-00").encode(), b"\xff" * 55, b"00-" + b"0" * 52],
)
def test_a_traceparent_that_is_none_is_no_trace(header: bytes) -> None:
    assert carried([(TRACEPARENT, header)]) == ""
    assert carried({TRACEPARENT: header}) == ""


def test_tracing_is_off_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    found = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("opentelemetry"):
            raise ImportError(name)
        return found(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    base = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    assert open_tracing("worker", Connection.read(base)) is None
    with pytest.raises(SettingsError, match=r"leadstream\[tracing\]"):
        open_tracing("worker", Connection.read(base | {"LEADSTREAM_TRACE_RATIO": "0.01"}))
    with pytest.raises(SettingsError, match="LEADSTREAM_TRACE_RATIO"):
        Connection.read(base | {"LEADSTREAM_TRACE_RATIO": "1.5"})
