"""What comes to a topic of raw events while a test runs."""

from collections.abc import Callable, Mapping

from schemas.records import RawEvent
from schemas.topics import Topic
from tests.pipeline import landed
from tests.wires import ends


def arriving(environ: Mapping[str, str], bootstrap: str, topic: Topic) -> Callable[[], list[RawEvent]]:
    """Return what tells the raw events that have come to the topic from now on."""
    before = {(spot.topic, spot.partition): spot.offset for spot in ends(dict(environ), topic)}

    def since() -> list[RawEvent]:
        found = [one.record for one in landed(bootstrap, topic, since=before)]
        return [one for one in found if isinstance(one, RawEvent)]

    return since
