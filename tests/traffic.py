"""Traffic for tests: what the demo sends, through the sources' own `split`, as the raw events of a collector."""

from collections.abc import Iterator

from connectors.settings import CollectorSettings
from connectors.sources import SOURCES, Refused, Request
from connectors.sources.contract import Part, Source
from connectors.wrapping import wrapped
from schemas.topics import EVENTS, Emit
from streams.demo.generator import generate

PEPPER = b"a pepper for tests only"
SNAPSHOT_KEY = b"a snapshot key for tests"
ENDS = 1_795_000_000.0


def settings(bootstrap: str = "127.0.0.1:1") -> CollectorSettings:
    """Return settings of a collector that tests may read."""
    return CollectorSettings.read({"KAFKA_BOOTSTRAP_SERVERS": bootstrap, "LEADSTREAM_PEPPER": PEPPER.decode()})


def raw_events(events: int, seed: int = 7) -> Iterator[Emit]:
    """Yield about `events` raw events of a made-up month, on their topics and under their keys."""
    sources = {path: source(settings()) for source in SOURCES.values() for path in source.paths}
    for sent in generate(seed, events, ENDS):
        source = sources[sent.path]
        request = Request("POST", sent.path, {}, sent.body, ENDS)
        try:
            parts = source.split(request)
        except Refused:
            continue
        for part in parts:
            if part.problem:
                continue
            yield received(source, part, gpc=sent.gpc)


def received(source: Source, part: Part, *, gpc: bool = False) -> Emit:
    """Return one part of a request as the raw event that a collector makes of it."""
    raw = wrapped(source.name, part, ENDS, ip="192.0.2.0", gpc=gpc)
    return Emit(EVENTS[source.channel], part.key, raw)
