"""The collector over real HTTP, in front of a real broker: what is answered is what is stored."""

import gzip
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from segment.analytics.client import Client

from connectors.limits import STORED_BYTES
from connectors.settings import CollectorSettings
from connectors.sources.contract import PARTS
from schemas.keys import partition_of
from schemas.person import unseal
from schemas.topics import EVENTS_AD, EVENTS_CRM, EVENTS_EMAIL, EVENTS_WEB
from streams.runtime.handle import BrokerHandle
from tests.collecting import Collecting, collecting
from tests.contract.sources.senders import GOOGLE_KEY, NEW, WRITE_KEY, basic, bearer, ga4_query, settings, signed

TRACK = b'{"anonymousId":"a-1","event":"Demo Requested","messageId":"m-1"}'


def over(broker: BrokerHandle, **environ: str) -> CollectorSettings:
    return settings(KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap, LEADSTREAM_COLLECTOR_PORT="0", **environ)


@pytest.fixture(scope="module")
def running(broker: BrokerHandle) -> Iterator[Collecting]:
    with collecting(over(broker, LEADSTREAM_CORS_ORIGINS="https://shop.example")) as running:
        yield running


@pytest.fixture
def collector(running: Collecting) -> Collecting:
    return running.from_now_on()


def test_an_event_is_stored_before_it_is_thanked_for_in_its_senders_bytes_under_its_visitors_key(
    collector: Collecting,
) -> None:
    answer = collector.ask("/v1/track", TRACK, **basic(), user_agent="Shop/1.0")
    assert (answer.status, answer.body) == (200, b'{"success":true}')
    [(key, event)] = collector.stored(EVENTS_WEB)
    fields = unseal(event.person, event.person_key)
    assert fields == {"body": TRACK, "ip": "127.0.0.0", "user_agent": "Shop/1.0"}
    assert (event.event_id, event.source, event.endpoint, event.gpc) == ("m-1", "segment", "track", False)
    assert key == event.key.encode()
    assert abs(event.received_at - time.time()) < 60


def test_keys_land_where_every_other_kafka_client_puts_them(collector: Collecting) -> None:
    bodies = [json.dumps({"anonymousId": f"a-{n}", "event": "x", "messageId": f"m-{n}"}).encode() for n in range(40)]
    for body in bodies:
        assert collector.ask("/v1/track", body, **basic()).status == 200
    by_partition = [key for key, _ in collector.stored(EVENTS_WEB)]  # partition by partition
    assert sorted(by_partition, key=lambda key: partition_of(key, collector.settings.partitions)) == by_partition
    assert len({partition_of(key, collector.settings.partitions) for key in by_partition}) > 1


def test_the_official_segment_library_sends_and_every_event_arrives_as_it_was_sent(collector: Collecting) -> None:
    failures: list[object] = []
    client = Client(
        WRITE_KEY,
        host=collector.url,
        gzip=True,
        upload_size=20,
        on_error=lambda error, _: failures.append(error),
    )
    sent = []
    for n in range(50):
        sent.append(client.track(f"u-{n}", "Form Submitted", {"n": n}, anonymous_id=f"a-{n}")[1])
        sent.append(client.identify(f"u-{n}", {"email": f"lead{n}@example.com", "naïve": "ü"})[1])
    client.flush()
    client.join()
    assert not failures
    arrived = {event["messageId"]: event for event in map(json.loads, collector.bodies(EVENTS_WEB))}
    assert arrived == {message["messageId"]: json.loads(json.dumps(message, default=str)) for message in sent}


def test_a_batch_keeps_the_good_and_names_the_bad(collector: Collecting) -> None:
    good = b'{"type":"page","anonymousId":"a-1", "messageId":"g-1" }'
    bad = [b'{"type":"page","messageId":"b-1"}', b"7", b'{"type":"page","anonymousId":"\xff"}', b'{"anonymousId":"a"}']
    body = b'{"batch":[' + b",".join([bad[0], good, *bad[1:]]) + b'],"sentAt":"2026-11-20T09:15:03Z"}'
    answer = collector.ask("/v1/batch", body, **basic())
    assert answer.status == 200
    said = answer.json()
    assert (said["success"], said["accepted"], said["refused"]) == (True, 1, 4)
    results: list[dict[str, object]] = said["results"]  # type: ignore[assignment]
    told = [(result["index"], result["messageId"], result["reason"]) for result in results]
    assert told == [(0, "b-1", "no_user_anon_id"), (2, "", "not_an_object"), (3, "", "invalid_utf8"), told[3]]
    assert told[3][2] == "no_type"
    [(_, event)] = collector.stored(EVENTS_WEB)
    fields = unseal(event.person, event.person_key)
    assert fields["body"] == good
    assert fields["envelope"] == b'{"sentAt":"2026-11-20T09:15:03Z"}'


def test_each_source_stores_on_its_channels_topic_in_its_own_manner(collector: Collecting) -> None:
    lead = json.dumps({"lead_id": "l-1", "google_key": GOOGLE_KEY, "user_column_data": []}).encode()
    answer = collector.ask("/v1/google/lead", lead)
    assert (answer.status, answer.body) == (200, b"{}")
    mail = b'[{"event":"open","sg_event_id":"s-1","email":"jane@example.com","timestamp":1795166000}]'
    assert collector.ask("/v1/sendgrid/events", mail, **signed(mail, time.time())).status == 200
    won = b'{"outcome_id":"o-1","email":"jane@example.com","outcome":"won","occurred_at":"2026-11-20T09:15:03Z"}'
    assert collector.ask("/v1/outcomes", won, **bearer()).status == 200
    stored = {topic.name: collector.bodies(topic) for topic in (EVENTS_AD, EVENTS_EMAIL, EVENTS_CRM)}
    assert stored == {
        "events.ad": [b'{"lead_id": "l-1", "user_column_data": []}'],
        "events.email": [mail[1:-1]],
        "events.crm": [won],
    }


def test_one_bad_outcome_does_not_harm_its_neighbours(collector: Collecting) -> None:
    good = {"outcome_id": "o-1", "email": "j@example.com", "outcome": "won", "occurred_at": "2026-11-20T09:15:03Z"}
    wrong = [{"outcome": "lost?"}, {"occurred_at": "soon"}, {"email": ""}, {"lead_id": "L-1"}, {"outcome_id": ""}]
    body = json.dumps({"outcomes": [good, *(good | change for change in wrong)]}).encode()
    answer = collector.ask("/v1/outcomes", body, **bearer())
    results: list[dict[str, object]] = answer.json()["results"]  # type: ignore[assignment]
    assert [result["reason"] for result in results] == [
        "unknown_type",
        "invalid_value",
        "missing_id",
        "invalid_value",
        "missing_id",
    ]
    assert len(collector.bodies(EVENTS_CRM)) == 1


def test_a_page_that_closes_may_send_its_key_in_a_plain_text_body(collector: Collecting) -> None:
    body = b'{"writeKey":"wk-public-1","anonymousId":"a-1","event":"x"}'
    assert collector.ask("/v1/track", body, content_type="text/plain;charset=UTF-8").status == 200
    assert collector.bodies(EVENTS_WEB) == [b'{"anonymousId":"a-1","event":"x"}']


def test_global_privacy_control_is_kept(collector: Collecting) -> None:
    collector.ask("/v1/track", TRACK, **basic(), sec_gpc="1")
    assert [event.gpc for _, event in collector.stored(EVENTS_WEB)] == [True]


def test_compressed_bodies_are_read_and_bombs_are_not(collector: Collecting) -> None:
    assert collector.ask("/v1/track", gzip.compress(TRACK), **basic(), content_encoding="gzip").status == 200
    bomb = gzip.compress(bytes(10 << 20))
    assert collector.ask("/v1/track", bomb, **basic(), content_encoding="gzip").status == 413
    assert collector.bodies(EVENTS_WEB) == [TRACK]


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "code"),
    [
        ("/v1/track", b"{", basic(), 400, "invalid_json"),
        ("/v1/track", b'{"event":"x"}', basic(), 400, "no_user_anon_id"),
        ("/v1/track", b'{"userId":"u"}', basic(), 400, "no_event"),
        ("/v1/track", TRACK, basic("wrong"), 401, "invalid_write_key"),
        ("/v1/track", TRACK, {}, 401, "invalid_write_key"),
        ("/v1/track", TRACK, basic() | {"content_type": "application/xml"}, 415, "unknown_content_type"),
        ("/v1/track", TRACK, basic() | {"content_encoding": "br"}, 415, "unknown_encoding"),
        ("/v1/track", TRACK, basic() | {"content_encoding": "gzip"}, 400, "invalid_encoding"),
        ("/v1/track", TRACK, basic() | {"x_long": "x" * 17_000}, 431, "headers_too_large"),
        ("/v1/batch", b'{"batch":' + b"[" * 500_000, basic(), 400, "too_deep"),
        ("/v1/batch", b'{"batch":[]}', basic(), 400, "batch_size"),
        ("/v1/batch", b'{"batch":' + b"[{}]" + b"}" + b" " * 600_000, basic(), 400, "too_large"),
        ("/v1/batch", b" " * 1_048_577, basic(), 413, "too_large"),
        ("/v1/google/lead", b'{"lead_id":"1","google_key":"x"}', {}, 400, "invalid_google_key"),
        ("/v1/sendgrid/events", b"[]", {}, 401, "invalid_signature"),
        ("/v1/outcomes", b"{}", bearer("wrong"), 401, "invalid_crm_key"),
        ("/v1/unknown", b"{}", {}, 404, "not_found"),
    ],
)
def test_what_is_refused_says_so_in_one_form(  # noqa: PLR0917
    collector: Collecting, path: str, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answer = collector.ask(path, body, **headers)
    assert (answer.status, answer.json()["code"]) == (status, code)
    assert answer.json()["success"] is False
    assert answer.json()["message"]
    assert not collector.bodies(EVENTS_WEB)


def test_a_webhook_that_is_asked_for_before_it_is_used_is_there(collector: Collecting) -> None:
    asked = [collector.ask(f"/v1/in/mailchimp?key={key}", method="GET").status for key in (NEW, "guess")]
    assert asked == [200, 401]
    assert not collector.bodies(EVENTS_AD)


def test_only_post_sends_events(collector: Collecting) -> None:
    answer = collector.ask("/v1/track", method="GET")
    assert (answer.status, answer.headers["allow"]) == (405, "POST, OPTIONS")


def test_pages_of_allowed_origins_may_send_and_others_are_not_told_they_may(collector: Collecting) -> None:
    asked = collector.ask("/v1/track", method="OPTIONS", origin="https://shop.example")
    assert (asked.status, asked.headers["access-control-allow-origin"]) == (204, "https://shop.example")
    sent = collector.ask("/v1/track", TRACK, **basic(), origin="https://shop.example")
    assert sent.headers["access-control-allow-origin"] == "https://shop.example"
    assert sent.headers["access-control-allow-credentials"] == "true"
    assert sent.headers["access-control-expose-headers"] == "Retry-After"
    other = collector.ask("/v1/track", method="OPTIONS", origin="https://evil.example")
    assert "access-control-allow-origin" not in other.headers


def test_a_pixel_is_stored_and_answered_with_a_dot_and_an_anonymous_one_leaves_no_address(
    collector: Collecting,
) -> None:
    query = "/i?e=pv&aid=shop&duid=d-1&eid=e-1&url=https%3A%2F%2Fshop.example%2Fpricing"
    answer = collector.ask(query, method="GET")
    assert (answer.status, answer.headers["content-type"], answer.body[:6]) == (200, "image/gif", b"GIF89a")
    assert answer.headers["set-cookie"].startswith("sp=")
    hidden = collector.ask(query.replace("e-1", "e-2"), method="GET", sp_anonymous="*")
    assert "set-cookie" not in hidden.headers
    persons = {event.event_id: unseal(event.person, event.person_key) for _, event in collector.stored(EVENTS_WEB)}
    assert {name: person["ip"] for name, person in persons.items()} == {"e-1": "127.0.0.0", "e-2": ""}


@pytest.mark.parametrize(("size", "fits"), [(STORED_BYTES - 1, True), (STORED_BYTES, True), (STORED_BYTES + 1, False)])
def test_an_event_that_no_broker_takes_is_refused_and_its_neighbours_are_stored(
    collector: Collecting, size: int, fits: bool
) -> None:
    begun = b'{"event":"open","sg_event_id":"s-1","timestamp":1795166000,"a":"'
    small, large = (
        b'{"event":"open","sg_event_id":"s-2","timestamp":1795166000}',
        begun + b"x" * (size - len(begun) - 2) + b'"}',
    )
    mail = b"[" + large + b"," + small + b"]"
    agent = "x" * 15_000
    answer = collector.ask("/v1/sendgrid/events", mail, **signed(mail, time.time()), user_agent=agent)
    assert answer.status == 200
    assert sorted(collector.bodies(EVENTS_EMAIL), key=len) == ([small, large] if fits else [small])
    assert fits or answer.json()["results"] == [
        {
            "index": 0,
            "messageId": "s-1",
            "status": "refused",
            "reason": "too_large",
            "message": f"an event may hold {STORED_BYTES} bytes",
        }
    ]


@pytest.mark.parametrize(("count", "status"), [(PARTS - 1, 200), (PARTS, 200), (PARTS + 1, 413)])
def test_a_request_becomes_as_many_events_as_the_limit_and_no_more(
    broker: BrokerHandle, count: int, status: int
) -> None:
    mail = b"[" + b",".join([b"{}"] * count) + b"]"
    with collecting(over(broker, LEADSTREAM_ACK_DEADLINE_S="60")) as collector:
        answer = collector.ask("/v1/sendgrid/events", mail, **signed(mail, time.time()))
    assert answer.status == status
    said = answer.json()
    assert said["accepted"] == count if status == 200 else said["code"] == "too_many"


def test_a_small_request_does_not_become_a_huge_one(collector: Collecting) -> None:
    header = {"entityName": "Lead", "changeType": "UPDATE", "recordIds": [f"00Q{n}" for n in range(9_000)]}
    change = json.dumps({"ChangeEventHeader": header, "Status": "Unqualified", "Email": "j@example.com"}).encode()
    answer = collector.ask("/v1/salesforce/changes", change, **bearer(NEW))
    assert (answer.status, answer.json()["code"]) == (413, "too_many")
    assert not collector.bodies(EVENTS_CRM)


@pytest.mark.parametrize(("path", "retried"), [("/v1/google/lead", 503), ("/v1/ses/events", 503), ("/v1/track", 408)])
def test_a_body_that_comes_too_slowly_ends_no_lead(broker: BrokerHandle, path: str, retried: int) -> None:
    with collecting(over(broker, LEADSTREAM_BODY_TIMEOUT_S="0.3")) as collector:
        host, _, port = collector.url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=20) as opened:
            opened.sendall(f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{{".encode())
            said = opened.recv(4_096)
    assert int(said.split(b" ")[1]) == retried
    assert b"retry-after: " in said


def test_a_secret_whose_name_is_written_with_escapes_is_not_stored(collector: Collecting) -> None:
    track = b'{"anonymousId":"a-1","event":"x","writeK\\u0065y":"wk-public-1"}'
    lead = b'{"lead_id":"l-1","google_k\\u0065y":"%b"}' % GOOGLE_KEY.encode()
    answers = [collector.ask("/v1/track", track), collector.ask("/v1/google/lead", lead)]
    assert [(answer.status, answer.json()["code"]) for answer in answers] == [
        (400, "write_key_escaped"),
        (400, "google_key_escaped"),
    ]
    assert not [*collector.bodies(EVENTS_WEB), *collector.bodies(EVENTS_AD)]


def test_a_secret_in_a_query_is_not_stored(collector: Collecting) -> None:
    body = b'{"client_id":"c-1","events":[{"name":"page_view"}]}'
    answer = collector.ask(f"/mp/collect?{ga4_query()}", body)
    assert (answer.status, answer.body) == (204, b"")
    [(_, event)] = collector.stored(EVENTS_WEB)
    assert NEW.encode() not in event.person
    assert collector.ask("/mp/collect", method="GET").status == 405


def test_metrics_count_what_happened_and_carry_no_value_of_an_event(collector: Collecting) -> None:
    before = _metric(collector, 'leadstream_events_accepted_total{source="segment"}')
    series = collector.ask("/metrics").body.decode().count("leadstream_events_refused_total{")
    collector.ask("/v1/track", TRACK, **basic())
    for n in range(20):
        collector.ask("/v1/track", b'{"type":"t%d"}' % n, **basic(f"k-{n}"))
    assert _metric(collector, 'leadstream_events_accepted_total{source="segment"}') == before + 1
    page = collector.ask("/metrics").body.decode()
    assert "a-1" not in page
    assert page.count("leadstream_events_refused_total{") <= series + 1


def test_many_at_once_are_all_kept(collector: Collecting) -> None:
    bodies = [json.dumps({"anonymousId": f"a-{n}", "event": "x"}).encode() for n in range(300)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda body: collector.ask("/v1/track", body, **basic()).status, bodies))
    assert set(answers) == {200}
    assert sorted(collector.bodies(EVENTS_WEB)) == sorted(bodies)


def test_an_address_that_comes_too_often_is_slowed_down(broker: BrokerHandle) -> None:
    with collecting(over(broker, LEADSTREAM_RATE_PER_S="1")) as collector:
        answers = [collector.ask("/v1/track", TRACK, **basic()) for _ in range(5)]
    assert [answer.status for answer in answers][:2] == [200, 200]
    assert answers[-1].status == 429
    assert answers[-1].headers["retry-after"]


@pytest.mark.parametrize("trusted", [True, False])
def test_behind_a_proxy_that_is_trusted_an_address_is_the_senders_and_nobody_makes_up_another(
    broker: BrokerHandle, trusted: bool
) -> None:
    proxies = "127.0.0.1,10.0.0.0/8" if trusted else "10.0.0.0/8"
    with collecting(over(broker, LEADSTREAM_RATE_PER_S="0.01", LEADSTREAM_TRUSTED_PROXIES=proxies)) as collector:

        def send(told: str) -> int:
            return collector.ask("/v1/track", TRACK, **basic(), x_forwarded_for=told).status

        first = [send(f"198.51.100.{n}, 203.0.113.7, 10.0.0.2") for n in range(2)]  # what a sender adds stands in front
        second = send("203.0.114.7")
        kept = {unseal(event.person, event.person_key)["ip"] for _, event in collector.stored(EVENTS_WEB)}
    if trusted:
        assert (first, second, kept) == ([200, 429], 200, {"203.0.113.0", "203.0.114.0"})
    else:
        assert (first, second, kept) == ([200, 429], 429, {"127.0.0.0"})


def test_a_key_that_is_used_too_often_is_slowed_down_and_others_are_not(broker: BrokerHandle) -> None:
    keys = "shop:wk-public-1,blog:wk-blog-1"
    with collecting(over(broker, LEADSTREAM_KEY_RATE_PER_S="1", LEADSTREAM_WRITE_KEYS=keys)) as collector:
        in_body = b'{"writeKey":"wk-public-1","anonymousId":"a-1","event":"x"}'
        ways = [(TRACK, basic()), (in_body, {"content_type": "text/plain"})] * 3  # one bucket, however the key is shown
        answers = [collector.ask("/v1/track", body, **headers) for body, headers in ways]
        assert [answer.status for answer in answers][:2] == [200, 200]
        assert answers[-1].status == 429
        assert answers[-1].headers["retry-after"]
        assert "LEADSTREAM_KEY_RATE_PER_S" in str(answers[-1].json()["message"])
        assert collector.ask("/v1/track", TRACK, **basic("wk-blog-1")).status == 200
        assert collector.ask("/v1/track", TRACK, **basic("no-key")).status == 401
        assert collector.ask("/v1/outcomes", b"{}", **bearer()).status == 400


def _metric(collector: Collecting, name: str) -> float:
    lines = collector.ask("/metrics").body.decode().splitlines()
    return float(next((line.rpartition(" ")[2] for line in lines if line.startswith(name)), 0))
