"""What workers say of their rounds on /metrics."""

import urllib.error
import urllib.parse
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from prometheus_client.parser import text_string_to_metric_families

from connectors.settings import SettingsError

__all__ = ["rounds"]

COUNTED: Mapping[str, Callable[[Mapping[str, str]], str]] = {
    "leadstream_rounds_total": lambda labels: f"rounds {labels.get('outcome', '')}",
    "leadstream_round_records_sum": lambda _: "records in them",
    "leadstream_rebalances_total": lambda _: "rebalances",
}


def rounds(urls: Iterable[str]) -> Mapping[str, float]:
    """Return the workers' counters, summed up; a worker that does not answer counts as `silent workers`.

    Raises `SettingsError` for what is no address.
    """
    found: dict[str, float] = defaultdict(float)
    for url in urls:
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise SettingsError(f"--worker {url} is no address; write http://host:port/metrics")
        try:
            with urllib.request.urlopen(url, timeout=2.0) as answer:  # noqa: S310 - looked at above
                text = answer.read().decode()
        except (urllib.error.URLError, OSError, UnicodeDecodeError):
            found["silent workers"] += 1
            continue
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if name := COUNTED.get(sample.name):
                    found[name(sample.labels)] += sample.value
    return dict(found)
