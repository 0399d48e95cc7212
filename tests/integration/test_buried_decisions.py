"""Decisions that a destination refused, sent again: to whom, and never of somebody who has been erased since."""

from typing import Any

import pytest

from connectors import deadletters, kafka
from connectors.deadletters import Wanted
from connectors.destinations import GROUP, Destination
from connectors.egress.guard import Guard
from connectors.settings import Connection
from connectors.sinks import memory
from connectors.sinks.delivery import Refusal, Refused, Retry
from connectors.sinks.memory import MemorySink
from schemas.letters import letter
from schemas.records import Consent, LeadProfile, RoutedLead
from schemas.topics import DEAD_LETTERS, LEADS_CONVERSIONS, LEADS_PROFILES, LEADS_ROUTED, Topic, retry_name
from tests import relaying as at_work
from tests.builders import NOON, profile, routed
from tests.relaying import buried, named, relaying
from tests.wires import CODEC, eventually, send

environ, group = at_work.environ, at_work.group  # fixtures
AT = NOON + 100


@pytest.fixture
def lead(topic_prefix: str) -> str:
    return f"e-{topic_prefix}1"


@pytest.fixture
def crm(environ: dict[str, str], topic_prefix: str) -> str:
    """The retry topic of a destination that is there."""
    destination = Destination(named(topic_prefix), "memory", memory.Options(), Guard(), group=GROUP)
    kafka.ensure(Connection.read(environ), [destination.retry])
    return destination.retry.name


def stub(lead: str, **changed: Any) -> LeadProfile:
    return LeadProfile(lead_id=lead, version=9, route_seq=2, erased_at=AT, **changed)


def back(lead: str) -> LeadProfile:
    """They came back at 200."""
    return stub(lead, first_seen=NOON + 200, consent={"contact": Consent(granted=True, at=NOON + 200)})


def replayed(
    environ: dict[str, str], routed: RoutedLead, *rows: LeadProfile, topic: str = LEADS_ROUTED.name
) -> deadletters.Replayed:
    """What becomes of a decision that was refused, when leads stand like this."""
    value = CODEC.encode(routed)
    found = letter(
        (topic, 0, abs(hash(routed.lead_id))),
        routed.lead_id.encode(),
        value,
        stage="relay",
        reason="refused",
        detail="",
        failed_at=NOON,
    )
    send(environ, LEADS_PROFILES, *((row.lead_id, row) for row in rows))
    send(environ, DEAD_LETTERS, (found.id, found))
    return deadletters.replay(Connection.read(environ), Wanted(id=found.id), dry_run=True)


@pytest.mark.parametrize("topic", [LEADS_ROUTED, LEADS_CONVERSIONS], ids=lambda topic: topic.name)
def test_a_decision_of_who_was_erased_since_is_left_out(environ: dict[str, str], lead: str, topic: Topic) -> None:
    done = replayed(environ, routed(lead, 1), profile(lead), stub(lead), topic=topic.name)
    assert (dict(done.sent), done.left) == ({}, {"erased": 1})


def test_a_decision_of_who_was_absorbed_is_looked_up_with_who_absorbed_them(environ: dict[str, str], lead: str) -> None:
    user, visitor = lead.replace("e-", "u-"), lead.replace("e-", "v-")
    rows = profile(visitor, 2, merged_into=user), profile(user, 2, merged_into=lead), stub(lead)
    assert replayed(environ, routed(visitor, 1), *rows).left == {"erased": 1}


@pytest.mark.parametrize(("at", "left"), [(99, 1), (150, 1), (200, 0)], ids=["before", "in between", "since"])
def test_of_who_is_back_only_what_was_decided_since_is_sent(
    environ: dict[str, str], lead: str, at: int, left: int
) -> None:
    done = replayed(environ, routed(lead, 1, occurred_at=NOON + at), back(lead))
    assert (sum(done.sent.values()), done.left["erased"]) == (1 - left, left)


def test_an_erasure_is_sent_again_unless_they_are_back_under_that_id(environ: dict[str, str], lead: str) -> None:
    user, other = lead.replace("e-", "u-"), f"{lead}other"
    assert replayed(environ, routed(other, 2, erased_at=AT), stub(other)).sent == {LEADS_ROUTED.name: 1}
    assert replayed(environ, routed(lead, 2, erased_at=AT), back(lead)).left == {"returned": 1}
    merged = profile(user, 2, merged_into=lead)
    assert replayed(environ, routed(user, 2, erased_at=AT), merged, back(lead)).sent == {LEADS_ROUTED.name: 1}


def test_who_was_not_erased_and_who_nobody_knows_is_sent_again(environ: dict[str, str], lead: str) -> None:
    assert replayed(environ, routed(lead, 1), profile(lead)).sent == {LEADS_ROUTED.name: 1}
    assert replayed(environ, routed(f"{lead}new", 1)).sent == {LEADS_ROUTED.name: 1}


def test_what_was_refused_after_it_had_waited_goes_where_it_waited_while_that_is_there(
    environ: dict[str, str], lead: str, crm: str
) -> None:
    assert replayed(environ, routed(lead, 1), topic=crm).sent == {crm: 1}
    assert replayed(environ, routed(f"{lead}2", 1), stub(f"{lead}2"), topic=crm).left == {"erased": 1}
    gone = retry_name(LEADS_ROUTED, "gone")
    assert replayed(environ, routed(f"{lead}3", 1), topic=gone).left == {"unknown_topic": 1}


def test_what_waited_in_vain_is_delivered_when_it_is_sent_again(environ: dict[str, str], group: str, lead: str) -> None:
    sink = MemorySink([Retry(0.0, "HTTP 500", alone=True), Refused(Refusal.REJECTED, "HTTP 422")])
    with relaying(environ, group, sink, near_s=-1.0):
        send(environ, LEADS_ROUTED, (lead, routed(lead, 1)))
        eventually(lambda: buried(environ, lead))
        (found,) = buried(environ, lead)
        topic = retry_name(LEADS_ROUTED, named(group))
        done = deadletters.replay(Connection.read(environ), Wanted(id=found.id))
        assert (found.topic, done.sent) == (topic, {topic: 1})
        eventually(lambda: sink.leads)
    assert list(sink.attempts) == [f"{lead}:1"] * 3
