"""An erasure that a destination will not have is not lost among the deliveries: it is counted, and buried."""

import pytest
from prometheus_client import REGISTRY

from connectors.sinks.delivery import Refusal, Refused
from connectors.sinks.memory import MemorySink
from schemas.topics import LEADS_ROUTED
from streams.runtime.handle import BrokerHandle
from tests.builders import routed
from tests.relaying import relaying
from tests.wires import at_the_end, connected, eventually, send


def told(sink: str, outcome: str) -> float:
    """How many erasures this process has told a sink of, with this outcome; -1 = nobody could know of one."""
    found = REGISTRY.get_sample_value("leadstream_crm_erasures_total", {"sink": sink, "outcome": outcome})
    return -1.0 if found is None else found


@pytest.mark.parametrize("outcome", ["delivered", "refused"])
def test_an_erasure_is_counted_by_how_telling_of_it_ended(
    broker: BrokerHandle, topic_prefix: str, outcome: str
) -> None:
    environ = connected(broker) | {"LEADSTREAM_SINK": "memory"}
    group, lead = at_the_end(environ, f"{topic_prefix}relay", LEADS_ROUTED), f"e-{topic_prefix}1"
    refused = Refused(Refusal.REJECTED, "it does not know lead.erased")
    sink = MemorySink([] if outcome == "delivered" else [refused])
    with relaying(environ, group, sink) as lane:
        eventually(lambda: told(lane.name, "refused") >= 0)
        before = {it: told(lane.name, it) for it in ("delivered", "refused")}
        send(environ, LEADS_ROUTED, (lead, routed(lead, 1, erased_at=1.0)))
        eventually(lambda: told(lane.name, outcome) == before[outcome] + 1)
        send(environ, LEADS_ROUTED, (lead, routed(lead, 2)))
        eventually(lambda: f"{lead}:2" in sink.leads)
    after = {it: told(lane.name, it) - before[it] for it in before}
    assert after == {"delivered": float(outcome == "delivered"), "refused": float(outcome == "refused")}
