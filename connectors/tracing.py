"""Traces across processes: which request became which decision, and where the time went. Off unless asked for.

The collector samples requests; each part of one carries its W3C `traceparent` in a Kafka header, and so does all that
workers make of it. Spans hold ids, topics and reasons, never anything of a person. OpenTelemetry is an optional extra.
"""

import random
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from connectors.log.trace import TRACE_ID
from connectors.settings import Connection, SettingsError

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, SpanContext

__all__ = ["TRACEPARENT", "Tracing", "carried", "open_tracing", "parent_of"]

TRACEPARENT = "traceparent"
FORM = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
Headers = Iterable[tuple[str, Any]] | Mapping[str, Any]  # as a consumed record has them


class Tracing:
    """Makes spans, and sends them in batches from a thread of its own. `ratio` of all requests are traced."""

    def __init__(self, part: str, ratio: float, exporter: "SpanExporter") -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ALWAYS_ON

        self.ratio = ratio
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,  # what is not sampled never comes so far
            resource=Resource.create({"service.namespace": "leadstream", "service.name": part}),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1_000))
        self._tracer = self._provider.get_tracer("leadstream")

    def sampled(self) -> bool:
        """Tell whether a request that comes in is to be traced."""
        return random.random() < self.ratio

    @contextmanager
    def root(self, name: str, **about: str | int) -> "Iterator[str]":
        """Trace a request for as long as the block lasts; the value is what its records carry."""
        from opentelemetry.context import Context

        with self._tracer.start_as_current_span(name, Context(), attributes=about, record_exception=False) as span:
            token = TRACE_ID.set(trace_id(span))
            try:
                yield traceparent(span)
            finally:
                TRACE_ID.reset(token)

    def child(
        self,
        name: str,
        parent: str,
        about: "Mapping[str, str | int] | None" = None,
        links: "Iterable[SpanContext]" = (),
    ) -> "Span":
        """Begin a span below `parent`, a `traceparent`; "" = one that begins a trace. `end()` ends it."""
        from opentelemetry.trace import Link

        linked = [Link(context) for context in links]
        return self._tracer.start_span(name, _context(parent), attributes=about, links=linked)

    def close(self) -> None:
        """Send what waits."""
        self._provider.shutdown()


def open_tracing(part: str, settings: Connection) -> Tracing | None:
    """Return what traces a process, None where LEADSTREAM_TRACE_RATIO is 0. Raises `SettingsError`."""
    if not settings.trace_ratio:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError:
        raise SettingsError(
            "LEADSTREAM_TRACE_RATIO needs OpenTelemetry, which is not installed; pip install 'leadstream[tracing]'"
        ) from None
    return Tracing(part, settings.trace_ratio, OTLPSpanExporter(endpoint=settings.otlp_url, timeout=5))


def carried(headers: Headers | None) -> str:
    """Return the `traceparent` that a record carries, if it is whole and sampled, else "".

    >>> carried([("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")])[:11]
    '00-0af76519'
    >>> carried([("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")]), carried(None)
    ('', '')
    """
    for name, value in dict(headers or ()).items():
        if name == TRACEPARENT and isinstance(value, bytes):
            text = value.decode("ascii", "replace")
            found = FORM.fullmatch(text)
            return text if found and int(found[3], 16) & 1 and int(found[1], 16) and int(found[2], 16) else ""
    return ""


def parent_of(span: "Span") -> list[tuple[str, str | bytes | None]]:
    """Return the headers of what is made below a span."""
    return [(TRACEPARENT, traceparent(span).encode())]


def traceparent(span: "Span") -> str:
    """Return a span's W3C `traceparent`."""
    told = span.get_span_context()
    return f"00-{told.trace_id:032x}-{told.span_id:016x}-01"


def trace_id(span: "Span") -> str:
    """Return the id of a span's trace."""
    return f"{span.get_span_context().trace_id:032x}"


def _context(parent: str) -> "Context":
    from opentelemetry.context import Context
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

    found = FORM.fullmatch(parent)
    if found is None:
        return Context()
    above = SpanContext(int(found[1], 16), int(found[2], 16), is_remote=True, trace_flags=TraceFlags(1))
    return set_span_in_context(NonRecordingSpan(above), Context())
