"""The relay and who asks to be forgotten, on a real broker."""

import pytest

from connectors.sinks.memory import MemorySink
from schemas.topics import LEADS_ROUTED
from streams.runtime.handle import BrokerHandle
from tests.builders import routed
from tests.relaying import relaying
from tests.wires import at_the_end, connected, eventually, send


@pytest.fixture
def environ(broker: BrokerHandle) -> dict[str, str]:
    return connected(broker) | {"LEADSTREAM_SINK": "memory"}


@pytest.fixture
def group(environ: dict[str, str], topic_prefix: str) -> str:
    return at_the_end(environ, f"{topic_prefix}relay", LEADS_ROUTED)


def test_an_erasure_goes_to_whoever_was_told_and_takes_what_waits_along(
    environ: dict[str, str], group: str, topic_prefix: str
) -> None:
    lead, other = f"e-{topic_prefix}1", f"e-{topic_prefix}2"
    sink = MemorySink()
    erased = routed(lead, 3, destination="hold", erased_at=1.0)
    with relaying(environ, group, sink, takes=("sales",)) as one:
        send(environ, LEADS_ROUTED, (lead, routed(lead, 1)))
        eventually(lambda: f"{lead}:1" in sink.leads)
        one.pause(True)
        send(environ, LEADS_ROUTED, (lead, routed(lead, 2)), (lead, erased), (other, routed(other, 1)))
        one.pause(False)
        eventually(lambda: f"{other}:1" in sink.leads and f"{lead}:3" in sink.attempts)
    assert {kept.lead_id for kept, _ in sink.leads.values()} == {other}


def test_a_destination_that_does_not_erase_is_not_asked_to(
    environ: dict[str, str], group: str, topic_prefix: str
) -> None:
    lead = f"e-{topic_prefix}1"
    sink = MemorySink()
    with relaying(environ, group, sink, erases=False):
        send(
            environ,
            LEADS_ROUTED,
            (lead, routed(lead, 1)),
            (lead, routed(lead, 2, erased_at=1.0)),
            (lead, routed(lead, 3)),
        )
        eventually(lambda: f"{lead}:3" in sink.leads)
    assert list(sink.attempts) == [f"{lead}:1", f"{lead}:3"]
