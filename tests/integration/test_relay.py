"""The relay on a real broker: nothing lost, nothing out of order, nothing committed before it is dealt with."""

import asyncio
import json
import time
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import pytest
from confluent_kafka import Producer
from standardwebhooks.webhooks import Webhook

from connectors import deadletters, kafka
from connectors.destinations import GROUP, destinations
from connectors.settings import Connection, RelaySettings
from connectors.sinks.delivery import Delivery, Parcel, Refusal, Refused, Retry
from connectors.sinks.memory import MemorySink
from schemas.topics import LEADS_ROUTED
from streams.runtime.broker import start_broker
from streams.runtime.provider import Wish
from tests import relaying as at_work
from tests.builders import routed
from tests.receiver import listening
from tests.relaying import buried, named, relaying
from tests.wires import committed, connected, eventually, send

environ, group = at_work.environ, at_work.group  # fixtures
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_decisions_arrive_in_order_for_each_lead_and_are_then_committed(
    environ: dict[str, str], group: str, topic_prefix: str
) -> None:
    sink = MemorySink()
    leads = [f"e-{topic_prefix}{number}" for number in range(5)]
    sent = [routed(lead, seq, {"email": f"{lead}@example.com"}) for seq in range(1, 5) for lead in leads]
    with relaying(environ, group, sink):
        send(environ, LEADS_ROUTED, *((one.lead_id, one) for one in sent))
        eventually(lambda: len(sink.leads) == len(sent))
    by_lead = groupby(sorted(sink.attempts, key=lambda attempt: attempt.split(":")[0]), lambda a: a.split(":")[0])
    assert {lead: [a.split(":")[1] for a in attempts] for lead, attempts in by_lead} == {
        lead: ["1", "2", "3", "4"] for lead in leads
    }
    assert sink.leads[f"{leads[0]}:1"] == (sent[0], {"email": f"{leads[0]}@example.com"})
    assert committed(environ, group, LEADS_ROUTED)


def test_a_lead_that_cannot_be_taken_now_is_tried_until_it_is_and_its_next_decision_waits(
    environ: dict[str, str], group: str, topic_prefix: str
) -> None:
    sink = MemorySink([Retry(None, "HTTP 503"), Retry(0.05, "HTTP 429"), Retry(None, "timeout")])
    lead = f"e-{topic_prefix}"
    with relaying(environ, group, sink):
        send(environ, LEADS_ROUTED, (lead, routed(lead, 1)), (lead, routed(lead, 2)))
        eventually(lambda: len(sink.leads) == 2)
    assert list(sink.attempts) == [f"{lead}:1"] * 4 + [f"{lead}:2"]
    assert committed(environ, group, LEADS_ROUTED)


def test_what_waits_when_the_relay_stops_is_delivered_by_the_next_one(
    environ: dict[str, str], group: str, topic_prefix: str
) -> None:
    down, up, lead = MemorySink([Retry(None, "HTTP 503")] * 1000), MemorySink(), f"e-{topic_prefix}"
    with relaying(environ, group, down, schedule=(60.0,), near_s=100.0):
        send(environ, LEADS_ROUTED, (lead, routed(lead)))
        eventually(lambda: down.attempts)
    assert not committed(environ, group, LEADS_ROUTED)
    with relaying(environ, group, up):
        eventually(lambda: up.leads)
    assert committed(environ, group, LEADS_ROUTED)


def test_a_refused_lead_and_an_unreadable_record_are_buried_with_their_bytes_and_the_rest_goes_on(
    environ: dict[str, str], group: str, topic_prefix: str
) -> None:
    lead, garbled = f"e-{topic_prefix}a", f"e-{topic_prefix}b"
    sink = MemorySink([Refused(Refusal.REJECTED, "HTTP 422")])
    with relaying(environ, group, sink):
        send(
            environ, LEADS_ROUTED, (lead, routed(lead, 1)), (garbled, b"\x00\x00\x00\x00\x07not avro"), (garbled, None)
        )
        eventually(lambda: len(buried(environ, lead, garbled)) == 3)
        send(environ, LEADS_ROUTED, (lead, routed(lead, 2)))
        eventually(lambda: sink.leads)
    found = {letter.reason: letter for letter in buried(environ, lead, garbled)}
    assert set(found) == {"refused", "undecodable", "tombstone"}
    assert (found["refused"].stage, found["refused"].detail) == ("relay", f"{named(group)}: rejected: HTTP 422")
    assert deadletters.original(found["undecodable"]) == (garbled.encode(), b"\x00\x00\x00\x00\x07not avro")
    assert committed(environ, group, LEADS_ROUTED)


def test_what_a_transaction_took_back_is_never_delivered(
    environ: dict[str, str], group: str, topic_prefix: str
) -> None:
    sink, lead = MemorySink(), f"e-{topic_prefix}"
    writer = Producer(kafka.client(Connection.read(environ)) | {"transactional.id": f"{topic_prefix}writer"})
    writer.init_transactions(30)
    with relaying(environ, group, sink):
        writer.begin_transaction()
        writer.produce(LEADS_ROUTED.name, b"of a worker that died", lead)
        writer.flush(30)
        writer.abort_transaction(30)
        send(environ, LEADS_ROUTED, (lead, routed(lead)))
        eventually(lambda: sink.leads)
    assert list(sink.attempts) == [f"{lead}:1"]
    assert buried(environ, lead) == []


def test_a_receiver_checks_the_signature_with_the_official_library_and_a_broken_connection_repeats_the_same_id(
    environ: dict[str, str], group: str, topic_prefix: str
) -> None:
    lead = f"e-{topic_prefix.rstrip('.')}"

    async def story() -> None:
        async with listening() as receiver:
            receiver.answers = [(500, {}), (429, {"retry-after": "0"})]
            told = {
                "LEADSTREAM_SINK": "webhook",
                "LEADSTREAM_WEBHOOK_URL": receiver.url,
                "LEADSTREAM_WEBHOOK_SECRET": SECRET,
                "LEADSTREAM_EGRESS_ALLOW": "127.0.0.1",
            }
            (destination,) = destinations(RelaySettings.read(environ | told), {})

            def work() -> None:
                with relaying(environ, group, destination.open):
                    send(environ, LEADS_ROUTED, (lead, routed(lead, 1, {"email": "jane@example.com"})))
                    eventually(lambda: receiver.leads)

            await asyncio.to_thread(work)
            ids = {headers["webhook-id"] for headers, _ in receiver.posts}
            assert (len(receiver.posts), len(ids), len(receiver.leads)) == (3, 1, 1)
            for headers, body in receiver.posts:
                told = Webhook(SECRET).verify(body, dict(headers))
                assert told == json.loads(body)
                assert told["data"]["person"] == {"email": "jane@example.com"}

    asyncio.run(story())


def test_one_lead_in_trouble_does_not_hold_up_the_others(
    environ: dict[str, str], group: str, topic_prefix: str
) -> None:
    poison = f"e-{topic_prefix}0"
    leads = [f"e-{topic_prefix}{number}" for number in range(1, 20)]

    class Picky(MemorySink):
        async def deliver(self, parcels: Sequence[Parcel]) -> list[Delivery]:
            if parcels[0].routed.lead_id == poison:
                return [Retry(None, "HTTP 500")]
            return await super().deliver(parcels)

    sink = Picky()
    with relaying(environ, group, sink):
        send(environ, LEADS_ROUTED, (poison, routed(poison)), *((lead, routed(lead)) for lead in leads))
        eventually(lambda: len(sink.leads) == len(leads))
    assert not committed(environ, group, LEADS_ROUTED)


@pytest.mark.integration
def test_a_lead_that_has_to_wait_long_lets_the_topic_be_committed_and_keeps_its_order_over_a_restart(
    environ: dict[str, str], group: str, topic_prefix: str
) -> None:
    sick, well = f"e-{topic_prefix}sick", f"e-{topic_prefix}well"

    class Picky(MemorySink):
        async def deliver(self, parcels: Sequence[Parcel]) -> list[Delivery]:
            if parcels[0].routed.lead_id == sick:
                self.attempts.append(parcels[0].routed.decision_id)
                return [Retry(None, "HTTP 500")]
            return await super().deliver(parcels)

    first, second = Picky(), MemorySink()
    with relaying(environ, group, first, schedule=(2.0,) * 9, near_s=0.0):
        send(environ, LEADS_ROUTED, *((sick, routed(sick, seq)) for seq in (1, 2)), (well, routed(well)))
        eventually(lambda: first.leads and committed(environ, group, LEADS_ROUTED))
        send(environ, LEADS_ROUTED, (sick, routed(sick, 3)))
        eventually(lambda: committed(environ, group, LEADS_ROUTED))
    assert set(first.attempts) == {f"{sick}:1", f"{well}:1"}
    with relaying(environ, group, second, schedule=(2.0,) * 9, near_s=0.0):
        send(environ, LEADS_ROUTED, (sick, routed(sick, 4)))
        eventually(lambda: len(second.leads) == 4)
    assert list(second.attempts) == [f"{sick}:{seq}" for seq in (1, 2, 3, 4)]
    assert buried(environ, sick) == []


def test_while_a_destination_is_in_trouble_no_lead_is_given_up_and_it_is_asked_seldom(
    environ: dict[str, str], group: str, topic_prefix: str
) -> None:
    leads = [f"e-{topic_prefix}{number}" for number in range(30)]
    sink = MemorySink([Retry(None, "HTTP 503")] * 7)
    with relaying(environ, group, sink, schedule=(60.0,)):
        send(environ, LEADS_ROUTED, *((lead, routed(lead)) for lead in leads))
        eventually(lambda: len(sink.leads) > len(leads) - 5)
    assert len(sink.attempts) < 2 * len(leads)
    assert buried(environ, *leads) == []


def test_a_lead_that_is_tried_in_vain_for_as_long_as_the_schedule_goes_is_buried(
    environ: dict[str, str], group: str, topic_prefix: str
) -> None:
    lead, sink = f"e-{topic_prefix}", MemorySink([Retry(None, "HTTP 500")] * 4)
    with relaying(environ, group, sink, schedule=(0.01,) * 3):
        send(environ, LEADS_ROUTED, (lead, routed(lead, 1)), (lead, routed(lead, 2)))
        eventually(lambda: sink.leads)
    (letter,) = buried(environ, lead)
    assert letter.detail == f"{named(group)}: exhausted: HTTP 500"
    assert list(sink.leads) == [f"{lead}:2"]


@pytest.mark.integration
def test_a_destination_that_disables_itself_is_given_no_more_and_loses_nothing(
    environ: dict[str, str], group: str, topic_prefix: str
) -> None:
    sink, lead = MemorySink([Refused(Refusal.DISABLED, "HTTP 410")]), f"e-{topic_prefix}"
    with relaying(environ, group, sink):
        send(environ, LEADS_ROUTED, (lead, routed(lead, 1)), (lead, routed(lead, 2)))
        eventually(lambda: sink.attempts)
        time.sleep(0.5)
        assert list(sink.attempts) == [f"{lead}:1"]
    with relaying(environ, group, sink):
        eventually(lambda: len(sink.leads) == 2)
    assert buried(environ, lead) == []


@pytest.mark.integration
def test_where_only_the_newest_matters_what_waits_behind_it_is_left_out(
    environ: dict[str, str], group: str, topic_prefix: str
) -> None:
    class Upserting(MemorySink):
        newest = True

    lead, sink = f"e-{topic_prefix}", Upserting([Retry(3.0, "HTTP 429", alone=True)])
    with relaying(environ, group, sink):
        send(environ, LEADS_ROUTED, (lead, routed(lead, 1)))
        eventually(lambda: sink.attempts)
        send(environ, LEADS_ROUTED, *((lead, routed(lead, seq)) for seq in (2, 3, 4)))
        eventually(lambda: committed(environ, group, LEADS_ROUTED))
    assert list(sink.attempts) == [f"{lead}:1", f"{lead}:4"]


def test_a_replay_delivers_again_what_was_decided_since(environ: dict[str, str], group: str, topic_prefix: str) -> None:
    sink, leads, since = MemorySink(), [f"e-{topic_prefix}{number}" for number in range(5)], time.time()
    with relaying(environ, group, sink) as lane:
        send(environ, LEADS_ROUTED, *((lead, routed(lead)) for lead in leads))
        eventually(lambda: len(sink.leads) == 5)
        lane.replay(since)
        eventually(lambda: len(sink.attempts) == 10)
    assert sorted(sink.attempts) == sorted(2 * list(sink.leads))
    assert committed(environ, group, LEADS_ROUTED)


def test_a_bug_in_a_sink_buries_the_lead_and_not_the_relay(
    environ: dict[str, str], group: str, topic_prefix: str
) -> None:
    lead = f"e-{topic_prefix}"

    class Buggy(MemorySink):
        async def deliver(self, parcels: Sequence[Parcel]) -> list[Delivery]:
            if parcels[0].routed.route_seq == 1:
                raise KeyError("jane@example.com")
            return await super().deliver(parcels)

    sink = Buggy()
    with relaying(environ, group, sink):
        send(environ, LEADS_ROUTED, (lead, routed(lead, 1)), (lead, routed(lead, 2)))
        eventually(lambda: sink.leads)
    (letter,) = buried(environ, lead)
    assert (letter.reason, letter.detail) == ("crash", f"{named(group)}: crashed: KeyError")


class Stuck(MemorySink):
    """A destination that never takes anything."""

    async def deliver(self, parcels: Sequence[Parcel]) -> list[Delivery]:
        await super().deliver(parcels)
        return [Retry(None, "HTTP 503", alone=True)]


@pytest.mark.integration
def test_a_broker_that_goes_away_and_comes_back_costs_no_lead_and_no_relay(tmp_path: Path, topic_prefix: str) -> None:
    own = start_broker(Wish(tmp_path, quick=True), "embedded")
    environ = connected(own) | {"LEADSTREAM_SINK": "memory"}
    sink, leads = MemorySink(), [f"e-{topic_prefix}{number}" for number in range(40)]
    try:
        with relaying(environ, GROUP, sink):
            send(environ, LEADS_ROUTED, *((lead, routed(lead)) for lead in leads[:20]))
            eventually(lambda: len(sink.leads) == 20)
            own.kill()
            time.sleep(1.0)  # longer than a read, so that the relay meets it
            own.restart()
            send(environ, LEADS_ROUTED, *((lead, routed(lead)) for lead in leads[20:]))
            eventually(lambda: len(sink.leads) == len(leads))
        assert committed(environ, GROUP, LEADS_ROUTED)
    finally:
        own.stop()


@pytest.mark.integration
def test_a_replay_that_is_told_while_the_broker_is_away_takes_place_when_it_is_back(
    tmp_path: Path, topic_prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    own = start_broker(Wish(tmp_path, quick=True), "embedded")
    environ = connected(own) | {"LEADSTREAM_SINK": "memory"}
    sink, leads, since = MemorySink(), [f"e-{topic_prefix}{number}" for number in range(5)], time.time()
    try:
        with relaying(environ, GROUP, sink) as lane:
            send(environ, LEADS_ROUTED, *((lead, routed(lead)) for lead in leads))
            eventually(lambda: len(sink.leads) == 5)
            own.kill()
            lane.replay(since)
            eventually(lambda: "cannot go back yet" in caplog.messages, 60.0)
            own.restart()
            eventually(lambda: len(sink.attempts) == 10, 60.0)
    finally:
        own.stop()


@pytest.mark.integration
def test_when_another_relay_joins_it_delivers_what_the_first_is_stuck_with(
    environ: dict[str, str], group: str, topic_prefix: str
) -> None:
    stuck, good = Stuck(), MemorySink()
    leads = [f"e-{topic_prefix}{number}" for number in range(20)]
    with relaying(environ, group, stuck, schedule=(60.0,), near_s=100.0):
        send(environ, LEADS_ROUTED, *((lead, routed(lead)) for lead in leads))
        eventually(lambda: len(stuck.attempts) == len(leads))
        with relaying(environ, group, good):
            eventually(lambda: good.leads)
            assert 0 < len(good.leads) < len(leads)
    with relaying(environ, group, good):
        eventually(lambda: len(good.leads) == len(leads))
    assert len(good.attempts) == len(leads)
    assert committed(environ, group, LEADS_ROUTED)
