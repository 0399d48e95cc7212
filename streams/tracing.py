"""A worker's traces: a span for each traced record and agent, and one for the round, linked with all of them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from connectors.log.trace import TRACE_ID
from connectors.tracing import Tracing, carried, parent_of, trace_id
from streams.engine.traces import Headers

if TYPE_CHECKING:
    from opentelemetry.trace import Span

__all__ = ["RoundTraces"]


class RoundTraces:
    """What the engine tells its records' spans to (`streams.engine.traces.Traces`)."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing
        self._spans: list[Span] = []

    def enter(self, agent: str, headers: Iterable[tuple[str, Any]]) -> Headers | None:
        """Begin a record's span below the one it carries."""
        parent = carried(headers)
        if not parent:
            return None
        span = self._tracing.child(agent, parent)
        self._spans.append(span)
        TRACE_ID.set(trace_id(span))
        return parent_of(span)

    def leave(self, fate: str, reason: str) -> None:
        """Say what became of the record."""
        span = self._spans[-1]
        span.set_attribute("leadstream.fate", fate)
        if reason:
            span.set_attribute("leadstream.reason", reason)
        TRACE_ID.set("")

    def committed(self, records: int) -> None:
        """End the spans, and tell of the round that they were part of."""
        if self._spans:
            within = [span.get_span_context() for span in self._spans]
            whole = self._tracing.child("round", "", {"leadstream.records": records}, links=within)
            for span in self._spans:
                span.end()
            whole.end()
            self._spans = []

    def undone(self) -> None:
        """Forget the spans: what is not ended is not sent."""
        self._spans = []
        TRACE_ID.set("")
