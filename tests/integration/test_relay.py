"""The relay on a real broker: nothing lost, nothing out of order, nothing committed before it is dealt with."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import pytest
from confluent_kafka import Producer
from standardwebhooks.webhooks import Webhook

from connectors import deadletters, kafka, relay
from connectors.deadletters import Wanted
from connectors.settings import Connection, RelaySettings
from connectors.sinks.delivery import Delivery, Refusal, Refused, Retry, Sink
from connectors.sinks.memory import MemorySink
from connectors.sinks.webhook import open_sink
from schemas.person import Fields
from schemas.records import DeadLetter, RoutedLead
from schemas.topics import LEADS_ROUTED
from streams.runtime.broker import start_broker
from streams.runtime.handle import BrokerHandle
from streams.runtime.provider import Wish
from tests.builders import routed
from tests.receiver import listening
from tests.wires import at_the_end, committed, connected, eventually, send

QUICK = (0.02, 0.05)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def environ(broker: BrokerHandle) -> dict[str, str]:
    return connected(broker) | {"LEADSTREAM_SINK": "memory"}


@pytest.fixture
def group(environ: dict[str, str], topic_prefix: str) -> str:
    return at_the_end(environ, f"{topic_prefix}relay", LEADS_ROUTED)


@contextmanager
def relaying(
    environ: dict[str, str], group: str, sink: Sink | Callable[[], Sink], schedule: tuple[float, ...] = QUICK
) -> Iterator[None]:
    """A relay at work on a thread; it has stopped in good order when the block ends."""
    running: list[tuple[asyncio.AbstractEventLoop, relay.Relay]] = []

    async def main() -> None:
        made = sink() if callable(sink) else sink
        one = relay.build(RelaySettings.read(environ), made, group, schedule)
        running.append((asyncio.get_running_loop(), one))
        await one.run()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    eventually(lambda: running)
    try:
        yield
    finally:
        loop, one = running[0]
        if thread.is_alive():
            loop.call_soon_threadsafe(one.stop)
        thread.join(30)
        assert not thread.is_alive()


def buried(environ: dict[str, str], *lead_ids: str) -> list[DeadLetter]:
    """The dead letters of these leads."""
    letters = [letter for letter in deadletters.read(Connection.read(environ), Wanted()) if letter.stage == "relay"]
    return [letter for letter in letters if deadletters.original(letter)[0].decode() in lead_ids]


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
    with relaying(environ, group, down, schedule=(60.0,)):
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
    assert (found["refused"].stage, found["refused"].detail) == ("relay", "memory: rejected: HTTP 422")
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
            settings = RelaySettings.read(
                environ | {"LEADSTREAM_WEBHOOK_URL": receiver.url, "LEADSTREAM_WEBHOOK_SECRET": SECRET}
            )

            def work() -> None:
                with relaying(environ, group, lambda: open_sink(settings)):
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
        async def deliver(self, routed: RoutedLead, person: Fields) -> Delivery:
            return Retry(None, "HTTP 500") if routed.lead_id == poison else await super().deliver(routed, person)

    sink = Picky()
    with relaying(environ, group, sink):
        send(environ, LEADS_ROUTED, (poison, routed(poison)), *((lead, routed(lead)) for lead in leads))
        eventually(lambda: len(sink.leads) == len(leads))
    assert not committed(environ, group, LEADS_ROUTED)


def test_a_bug_in_a_sink_buries_the_lead_and_not_the_relay(
    environ: dict[str, str], group: str, topic_prefix: str
) -> None:
    lead = f"e-{topic_prefix}"

    class Buggy(MemorySink):
        async def deliver(self, routed: RoutedLead, person: Fields) -> Delivery:
            if routed.route_seq == 1:
                raise KeyError("jane@example.com")
            return await super().deliver(routed, person)

    sink = Buggy()
    with relaying(environ, group, sink):
        send(environ, LEADS_ROUTED, (lead, routed(lead, 1)), (lead, routed(lead, 2)))
        eventually(lambda: sink.leads)
    (letter,) = buried(environ, lead)
    assert (letter.reason, letter.detail) == ("crash", "memory: crashed: KeyError")


class Stuck(MemorySink):
    """A destination that never takes anything."""

    async def deliver(self, routed: RoutedLead, person: Fields) -> Delivery:
        await super().deliver(routed, person)
        return Retry(None, "HTTP 503")


@pytest.mark.integration
def test_a_broker_that_goes_away_and_comes_back_costs_no_lead_and_no_relay(tmp_path: Path, topic_prefix: str) -> None:
    own = start_broker(Wish(tmp_path, quick=True), "embedded")
    environ = connected(own) | {"LEADSTREAM_SINK": "memory"}
    sink, leads = MemorySink(), [f"e-{topic_prefix}{number}" for number in range(40)]
    try:
        with relaying(environ, relay.GROUP, sink):
            send(environ, LEADS_ROUTED, *((lead, routed(lead)) for lead in leads[:20]))
            eventually(lambda: len(sink.leads) == 20)
            own.kill()
            time.sleep(1.0)  # longer than a read, so that the relay meets it
            own.restart()
            send(environ, LEADS_ROUTED, *((lead, routed(lead)) for lead in leads[20:]))
            eventually(lambda: len(sink.leads) == len(leads))
        assert committed(environ, relay.GROUP, LEADS_ROUTED)
    finally:
        own.stop()


@pytest.mark.integration
def test_when_another_relay_joins_it_delivers_what_the_first_is_stuck_with(
    environ: dict[str, str], group: str, topic_prefix: str
) -> None:
    stuck, good = Stuck(), MemorySink()
    leads = [f"e-{topic_prefix}{number}" for number in range(20)]
    with relaying(environ, group, stuck, schedule=(60.0,)):
        send(environ, LEADS_ROUTED, *((lead, routed(lead)) for lead in leads))
        eventually(lambda: len(stuck.attempts) == len(leads))
        with relaying(environ, group, good):
            eventually(lambda: good.leads)
            assert 0 < len(good.leads) < len(leads)
    with relaying(environ, group, good):
        eventually(lambda: len(good.leads) == len(leads))
    assert len(good.attempts) == len(leads)
    assert committed(environ, group, LEADS_ROUTED)
