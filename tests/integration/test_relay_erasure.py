"""The relay and who asks to be forgotten, on a real broker."""

import asyncio
import threading
import time
from collections.abc import Sequence

import pytest

from connectors.destinations import Outlet
from connectors.forgotten import unanswered
from connectors.settings import Connection
from connectors.sinks.delivery import Delivery, Parcel, Refusal, Refused, Retry
from connectors.sinks.memory import MemorySink
from schemas.records import RoutedLead
from schemas.topics import LEADS_ROUTED
from tests import relaying as at_work
from tests.builders import routed
from tests.relaying import buried, relaying
from tests.wires import committed, eventually, send

environ, group = at_work.environ, at_work.group  # fixtures
HOUR_S = 3_600.0


def erased(lead: str, seq: int) -> RoutedLead:
    return routed(lead, seq, destination="hold", erased_at=1.0)


def test_an_erasure_goes_to_whoever_was_told_and_takes_what_waits_along(
    environ: dict[str, str], group: str, topic_prefix: str
) -> None:
    lead, other = f"e-{topic_prefix}1", f"e-{topic_prefix}2"
    sink = MemorySink()
    with relaying(environ, group, sink, takes=("sales",)) as one:
        send(environ, LEADS_ROUTED, (lead, routed(lead, 1)))
        eventually(lambda: f"{lead}:1" in sink.leads)
        one.pause(True)
        send(environ, LEADS_ROUTED, (lead, routed(lead, 2)), (lead, erased(lead, 3)), (other, routed(other, 1)))
        one.pause(False)
        eventually(lambda: f"{other}:1" in sink.leads and f"{lead}:3" in sink.attempts)
    assert {kept.lead_id for kept, _ in sink.leads.values()} == {other}


@pytest.mark.parametrize("near_s", [2 * HOUR_S, 0.0], ids=["in memory", "parked"])
@pytest.mark.parametrize("erases", [True, False])
def test_an_erasure_does_not_wait_for_what_is_due_in_an_hour_but_lets_it_lie(
    environ: dict[str, str], group: str, topic_prefix: str, near_s: float, erases: bool
) -> None:
    lead = f"e-{topic_prefix}1"
    sink = MemorySink([Retry(None, "HTTP 500", alone=True)])
    with relaying(environ, group, sink, schedule=(HOUR_S,), near_s=near_s, erases=erases):
        send(environ, LEADS_ROUTED, (lead, routed(lead, 1)), (lead, routed(lead, 2)))
        eventually(lambda: sink.attempts)
        send(environ, LEADS_ROUTED, (lead, erased(lead, 3)), (lead, routed(lead, 4)))
        eventually(lambda: f"{lead}:4" in sink.leads)
        eventually(lambda: committed(environ, group, LEADS_ROUTED))
    assert list(sink.attempts) == [f"{lead}:{seq}" for seq in ((1, 3, 4) if erases else (1, 4))]


def test_an_erasure_is_tried_as_often_as_any_decision_however_often_the_one_before_it_was(
    environ: dict[str, str], group: str, topic_prefix: str
) -> None:
    lead = f"e-{topic_prefix}1"
    sink = MemorySink([Retry(wait_s, "HTTP 429", alone=True) for wait_s in (0.0, HOUR_S, 0.0, 0.0)])
    with relaying(environ, group, sink, schedule=(HOUR_S,) * 2, near_s=2 * HOUR_S):
        send(environ, LEADS_ROUTED, (lead, routed(lead, 1)))
        eventually(lambda: len(sink.attempts) == 2)
        send(environ, LEADS_ROUTED, (lead, erased(lead, 2)))
        eventually(lambda: not sink.answers and committed(environ, group, LEADS_ROUTED))
    assert list(sink.attempts) == [f"{lead}:1"] * 2 + [f"{lead}:2"] * 3
    assert buried(environ, lead) == []


@pytest.mark.parametrize(
    "answer", [Retry(0.0, "HTTP 500", alone=True), Refused(Refusal.REJECTED, "HTTP 422")], ids=["retry", "refused"]
)
@pytest.mark.parametrize("erases", [True, False])
def test_a_decision_under_way_when_the_erasure_comes_is_neither_tried_again_nor_buried(
    environ: dict[str, str], group: str, topic_prefix: str, answer: Delivery, erases: bool
) -> None:
    lead = f"e-{topic_prefix}1"

    class Slow(MemorySink):
        over = threading.Event()

        async def deliver(self, parcels: Sequence[Parcel]) -> list[Delivery]:
            if parcels[0].routed.route_seq > 1:
                return await super().deliver(parcels)
            self.attempts.append(parcels[0].routed.decision_id)
            await asyncio.to_thread(self.over.wait)
            return [answer]

    sink = Slow()
    with relaying(environ, group, sink, erases=erases) as one:
        send(environ, LEADS_ROUTED, (lead, routed(lead, 1)))
        eventually(lambda: sink.attempts)
        send(environ, LEADS_ROUTED, (lead, erased(lead, 2)), (lead, routed(lead, 3)))
        eventually(lambda: len(one._backlog) == (3 if erases else 2))
        sink.over.set()
        eventually(lambda: f"{lead}:3" in sink.leads)
    assert list(sink.attempts) == [f"{lead}:{seq}" for seq in ((1, 2, 3) if erases else (1, 3))]
    assert buried(environ, lead) == []


def test_a_destination_that_does_not_erase_is_not_asked_to(
    environ: dict[str, str], group: str, topic_prefix: str
) -> None:
    lead = f"e-{topic_prefix}1"
    sink = MemorySink()
    with relaying(environ, group, sink, erases=False):
        send(environ, LEADS_ROUTED, (lead, routed(lead, 1)))
        eventually(lambda: sink.leads)
        send(environ, LEADS_ROUTED, (lead, erased(lead, 2)), (lead, routed(lead, 3)))
        eventually(lambda: f"{lead}:3" in sink.leads)
    assert list(sink.attempts) == [f"{lead}:1", f"{lead}:3"]


def test_an_erasure_is_unanswered_while_its_destination_is_paused_and_while_it_has_put_it_off(
    environ: dict[str, str], group: str, topic_prefix: str
) -> None:
    lead, settings = f"e-{topic_prefix}1", Connection.read(environ)
    outlet, sink = Outlet(at_work.named(group), group), MemorySink()
    assert unanswered(settings, Outlet("nobody", f"{topic_prefix}nobody")) == set()
    with relaying(environ, group, sink, schedule=(HOUR_S,), near_s=0.0) as one:
        one.pause(True)
        send(environ, LEADS_ROUTED, (lead, routed(lead, 1)), (lead, erased(lead, 2)))
        assert unanswered(settings, outlet) == {lead}
        sink.answers.append(Retry(None, "HTTP 500", alone=True))
        one.pause(False)
        eventually(lambda: committed(environ, group, LEADS_ROUTED))
        assert (list(sink.attempts), unanswered(settings, outlet)) == ([f"{lead}:2"], {lead})  # it waits for an hour
    with relaying(environ, group, sink, schedule=(HOUR_S,), near_s=0.0):
        send(environ, LEADS_ROUTED, (lead, erased(lead, 3)))
        eventually(lambda: not unanswered(settings, outlet))
    assert f"{lead}:3" in sink.attempts


@pytest.mark.parametrize("erases", [True, False])
def test_a_destination_that_goes_back_is_not_told_again_of_who_is_erased_further_on(
    environ: dict[str, str], group: str, topic_prefix: str, erases: bool
) -> None:
    lead, other = f"e-{topic_prefix}1", f"e-{topic_prefix}2"
    sink, began = MemorySink(), time.time()
    with relaying(environ, group, sink, erases=erases) as one:
        send(environ, LEADS_ROUTED, (lead, routed(lead, 1)))
        eventually(lambda: sink.leads)
        send(environ, LEADS_ROUTED, (lead, erased(lead, 2)), (lead, routed(lead, 3)), (other, routed(other, 1)))
        eventually(lambda: {f"{lead}:3", f"{other}:1"} <= sink.leads.keys())
        sink.attempts.clear()
        one.replay(began - 1.0)
        eventually(lambda: {f"{lead}:3", f"{other}:1"} <= set(sink.attempts))
    again = [attempt for attempt in sink.attempts if attempt.startswith(lead)]
    assert again == [f"{lead}:{seq}" for seq in ((2, 3) if erases else (3,))]
