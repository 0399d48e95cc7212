"""Events that a customer's own producers write to Kafka: CloudEvents as the official SDK makes them, and plain Avro."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from connectors.sources.direct import adapt, cloudevent, plain
from connectors.sources.reading import open_raw
from schemas.keys import pseudonym
from schemas.records import Channel, Kind, PlainEvent, RawEvent
from schemas.rejected import Reason, Rejected
from schemas.sighting import Sighting
from schemas.step import Arrival
from schemas.topics import EVENTS_AD, EVENTS_WEB
from tests.builders import NOON

PEPPER = b"pepper"
AT = datetime.fromtimestamp(NOON - 60, UTC)
DATA = {
    "visitor": "anon",
    "email": "jane@example.com",
    "url": "https://shop.example/pricing?utm_source=li",
    "properties": {"first_name": "Jane", "title": "CTO", "shoe_size": 44},
    "consent": {"contact": True},
    "more": [1],
}
Bind = Callable[[CloudEvent], KafkaMessage]
BINDINGS = pytest.mark.parametrize("bind", [to_binary_event, to_structured_event], ids=["binary", "structured"])


def event(data: Any = DATA, **changed: Any) -> CloudEvent:
    """A CloudEvent of a shop's own."""
    attributes = {
        "id": "e-1",
        "source": "/shop/forms",
        "type": "com.example.demo_requested.v2",
        "time": AT,
        "datacontenttype": "application/json",
    }
    return CloudEvent(attributes=attributes | changed, data=data)


def arrival(message: KafkaMessage, topic: str = EVENTS_WEB.name) -> Arrival:
    headers = [(name, bytes(value)) for name, value in message.headers.items()]
    return Arrival(topic, b"anything", message.value, headers, NOON)


def taken(message: KafkaMessage, topic: str = EVENTS_WEB.name) -> RawEvent:
    raw = cloudevent(arrival(message, topic), PEPPER)
    assert raw is not None
    return raw


@BINDINGS
def test_what_the_sdk_sends_is_read_whichever_way_it_is_bound(bind: Bind) -> None:
    said = adapt(taken(bind(event())))
    assert (said.kind, said.channel, said.occurred_at, said.page) == (
        Kind.DEMO_REQUEST,
        Channel.WEB,
        NOON - 60,
        "/pricing",
    )
    assert (said.identifiers.visitor, said.identifiers.email) == ("anon", "jane@example.com")
    assert (said.campaign.source, said.traits["title"], said.consent) == ("li", "CTO", {"contact": True})
    assert said.person == {"first_name": "Jane", "email": "jane@example.com"}


def test_both_bindings_of_one_event_are_the_same_event_sealed_under_its_visitors_key() -> None:
    binary, structured = taken(to_binary_event(event())), taken(to_structured_event(event()))
    assert binary.event_id == structured.event_id
    assert binary.key == structured.key == pseudonym("v", "anon", PEPPER)
    assert adapt(binary) == adapt(structured)
    assert json.loads(open_raw(binary)[0]) == DATA


@BINDINGS
@pytest.mark.parametrize("changed", [{"id": "e-2"}, {"source": "/shop/chat"}])
def test_source_and_id_tell_events_apart(bind: Bind, changed: dict[str, str]) -> None:
    assert taken(bind(event())).event_id != taken(bind(event(**changed))).event_id


@BINDINGS
def test_the_topic_gives_the_channel_and_an_unknown_type_is_kept(bind: Bind) -> None:
    said = adapt(taken(bind(event(type="scrolled")), EVENTS_AD.name))
    assert (said.kind, said.channel) == (Kind.OTHER, Channel.AD)


def test_data_may_be_in_base64() -> None:
    message = to_structured_event(event(json.dumps(DATA).encode(), datacontenttype="application/octet-stream"))
    assert b"data_base64" in message.value
    assert adapt(taken(message)).identifiers.email == "jane@example.com"


def bound(value: bytes | None, /, **headers: str) -> Arrival:
    """A record with headers that no SDK would write."""
    given_ = {name.replace("content_type", "content-type"): text for name, text in headers.items()}
    return Arrival(EVENTS_WEB.name, b"", value, [(name, text.encode()) for name, text in given_.items()], NOON)


BINARY = {"ce_specversion": "1.0", "ce_id": "1", "ce_source": "/s", "ce_type": "page"}
STRUCTURED = {"content_type": "Application/CloudEvents+JSON; charset=UTF-8"}
WHOLE: dict[str, Any] = {"specversion": "1.0", "id": "1", "source": "/s", "type": "page", "data": {"user": "u"}}


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (bound(None, **BINARY), Reason.TOMBSTONE),
        (bound(b"{", **BINARY), Reason.UNPARSEABLE),
        (bound(b"[]", **BINARY), Reason.INVALID_VALUE),
        (bound(b'{"email": 7}', **BINARY), Reason.INVALID_VALUE),
        (bound(b"{}", **BINARY | {"ce_specversion": "0.3"}), Reason.UNKNOWN_SCHEMA),
        (bound(b"{}", **BINARY | {"ce_id": ""}), Reason.MISSING_ID),
        (bound(b"{}", **BINARY | {"ce_source": " "}), Reason.MISSING_ID),
        (bound(b"{}", **BINARY | {"ce_type": ""}), Reason.UNKNOWN_TYPE),
        (bound(b"{}", **BINARY, content_type="text/xml"), Reason.UNPARSEABLE),
        (bound(b"\xff", **STRUCTURED), Reason.UNPARSEABLE),
        (bound(b"7", **STRUCTURED), Reason.UNPARSEABLE),
        (bound(b"[]", content_type="application/cloudevents-batch+json"), Reason.UNPARSEABLE),
        (bound(b"x", content_type="application/cloudevents+avro"), Reason.UNPARSEABLE),
        (bound(json.dumps(WHOLE | {"specversion": "2.0"}).encode(), **STRUCTURED), Reason.UNKNOWN_SCHEMA),
        (bound(json.dumps(WHOLE | {"id": None}).encode(), **STRUCTURED), Reason.MISSING_ID),
        (bound(json.dumps(WHOLE | {"data_base64": "?"}).encode(), **STRUCTURED), Reason.UNPARSEABLE),
        (bound(json.dumps(WHOLE | {"data_base64": 7}).encode(), **STRUCTURED), Reason.INVALID_VALUE),
    ],
)
def test_what_is_ill_formed_is_rejected_with_a_reason_of_its_own(record: Arrival, reason: Reason) -> None:
    with pytest.raises(Rejected) as rejected:
        cloudevent(record, PEPPER)
    assert rejected.value.reason is reason


@pytest.mark.parametrize(
    ("data", "time", "reason"),
    [({"visitor": "v"}, "yesterday", Reason.INVALID_VALUE), ({"consent": {"ads": "no"}}, "", Reason.INVALID_VALUE)],
)
def test_what_only_the_adapter_sees_is_rejected_there(data: dict[str, Any], time: str, reason: Reason) -> None:
    raw = cloudevent(bound(json.dumps(data).encode(), **BINARY, ce_time=time), PEPPER)
    assert raw is not None
    with pytest.raises(Rejected) as rejected:
        adapt(raw)
    assert rejected.value.reason is reason


@pytest.mark.parametrize("headers", [{}, {"replayed-from": "x"}, {"content_type": "application/json"}, {"ce_id": "1"}])
def test_other_headers_are_none_of_ours(headers: dict[str, str]) -> None:
    assert cloudevent(bound(b"\0", **headers), PEPPER) is None


NAMES = st.sampled_from([*BINARY, "content-type", "ce_time", "x"])
TEXTS = st.sampled_from([b"1.0", b"application/cloudevents+json", b"application/json", b""]) | st.binary(max_size=6)
JSONS = st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), lambda it: st.lists(it, max_size=2))


@given(
    st.dictionaries(NAMES, TEXTS | st.none()),
    st.none()
    | st.binary(max_size=20)
    | st.dictionaries(st.sampled_from([*WHOLE, *DATA, "data_base64"]), JSONS).map(lambda it: json.dumps(it).encode()),
)
def test_nothing_but_a_rejection_escapes(headers: dict[str, bytes | None], value: bytes | None) -> None:
    try:
        raw = cloudevent(Arrival(EVENTS_WEB.name, b"", value, [*headers.items()], NOON), PEPPER)
        assert raw is None or isinstance(adapt(raw), Sighting)
    except Rejected:
        return


def test_a_plain_event_says_the_same_as_a_cloudevent() -> None:
    record = PlainEvent(
        id="e-1",
        type="demo_request",
        source="/shop/forms",
        occurred_at=NOON - 60,
        visitor="anon",
        email="jane@example.com",
        url="https://shop.example/pricing?utm_source=li",
        properties={"first_name": "Jane", "title": "CTO", "shoe_size": "44"},
        consent={"contact": True},
    )
    raw = plain(record, bound(b""), PEPPER)
    assert adapt(raw) == adapt(taken(to_binary_event(event())))
    with pytest.raises(Rejected, match="missing_id"):
        plain(PlainEvent(id="", type="page"), bound(b""), PEPPER)
