"""How much was left out of log lines: the one metric that every process has."""

from prometheus_client import Counter

__all__ = ["DROPPED"]

DROPPED = Counter(
    "leadstream_log_dropped",
    "Parts of log lines left out because they might be personal: field, value of a library's, whole text, or line.",
    ("what",),
)
