"""The trace that is under way, for log lines: set by who traces, read by who writes."""

from contextvars import ContextVar

__all__ = ["TRACE_ID"]

TRACE_ID: ContextVar[str] = ContextVar("TRACE_ID", default="")
