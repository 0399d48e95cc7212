"""What every source must do: a source that is listed in `SOURCES` is put through all of this."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.sources import SOURCES, Refused
from schemas.records import RawEvent
from schemas.rejected import Reason, Rejected
from schemas.sighting import Sighting
from schemas.topics import EVENTS
from tests.contract.sources.senders import (
    CRM_KEY,
    GOOGLE_KEY,
    NOW,
    WRITE_KEY,
    events_of,
    golden_events,
    goldens,
    request,
    source,
    stored,
    strangers,
)

GOLDENS = [pytest.param(name, path, id=f"{name}/{path.stem}") for name in SOURCES for path in goldens(name)]
EACH = pytest.mark.parametrize("name", SOURCES)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@EACH
def test_every_source_has_golden_payloads_a_topic_and_a_name_of_its_own(name: str) -> None:
    assert goldens(name)
    assert SOURCES[name].name == name
    assert SOURCES[name].channel in EVENTS


@pytest.mark.parametrize(("name", "path"), GOLDENS)
def test_a_golden_payload_gives_the_sightings_beside_it(name: str, path: Path) -> None:
    golden = json.loads(path.read_text())
    seen = [SOURCES[name].adapt(event) for event in events_of(name, golden)]
    assert seen == msgspec.convert(golden["sightings"], list[Sighting])


@EACH
def test_adapting_twice_gives_the_same(name: str) -> None:
    for event in golden_events(name):
        assert SOURCES[name].adapt(event) == SOURCES[name].adapt(event)


@EACH
def test_keys_show_nothing_that_the_sender_wrote_but_our_own_lead_ids(name: str) -> None:
    for event in golden_events(name):
        assert event.key[1] == "-"
        assert len(event.key) == 26


@EACH
def test_personal_values_stay_in_person_and_identifiers(name: str) -> None:
    for event in golden_events(name):
        sighting = msgspec.to_builtins(SOURCES[name].adapt(event))
        personal = {value for value in sighting.pop("person").values() if value}
        personal |= {value for value in sighting.pop("identifiers").values() if value}
        rest = json.dumps(sighting)
        assert not [value for value in personal if value in rest]


@EACH
def test_secrets_in_the_body_are_not_stored(name: str) -> None:
    for event in golden_events(name):
        for secret in (WRITE_KEY, GOOGLE_KEY, CRM_KEY):
            assert secret.encode() not in event.person


@EACH
def test_a_stranger_is_refused(name: str) -> None:
    with pytest.raises(Refused) as refused:
        source(name).verify(request(name, b"{}", headers={"authorization": "Bearer nothing"}))
    assert 400 <= refused.value.status < 500


@EACH
def test_without_a_secret_set_nobody_gets_in_and_the_answer_names_the_setting(name: str) -> None:
    for path in goldens(name):
        body = json.dumps(json.loads(path.read_text())["payload"]).encode()
        with pytest.raises(Refused, match="set LEADSTREAM_"):
            SOURCES[name](strangers()).verify(request(name, body))


@EACH
def test_its_own_sender_is_let_in(name: str) -> None:
    for path in goldens(name):
        golden = json.loads(path.read_text())
        body = json.dumps(golden["payload"]).encode()
        source(name).verify(request(name, body, golden["path"]))


@EACH
@settings(max_examples=60)
@given(garbage=st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_garbage_in_a_request_is_refused_or_told_apart_and_never_another_error(name: str, garbage: bytes) -> None:
    for path in SOURCES[name].paths:
        try:
            parts = source(name).split(request(name, garbage, path))
        except Refused as refused:
            assert 400 <= refused.status < 500  # noqa: PT017
        else:
            assert all(bool(part.problem) != bool(part.key) for part in parts)


@EACH
@settings(max_examples=60)
@given(garbage=st.binary(max_size=60))
def test_garbage_in_a_raw_event_is_rejected_and_never_another_error(name: str, garbage: bytes) -> None:
    for person in (garbage, msgspec.msgpack.encode({"body": garbage}), msgspec.msgpack.encode({"body": 7})):
        raw = RawEvent(event_id="1", source=name, endpoint="batch", key="v-1", received_at=NOW, person=person)
        with pytest.raises(Rejected):
            SOURCES[name].adapt(raw)


@EACH
@settings(max_examples=150)
@given(st.data())
def test_a_payload_with_one_value_replaced_is_adapted_or_rejected(name: str, data: st.DataObject) -> None:
    raw = data.draw(st.sampled_from(golden_events(name)))
    body: bytes = msgspec.msgpack.decode(raw.person)["body"]
    event = json.loads(body)
    place, key = data.draw(st.sampled_from(list(places(event))))
    place[key] = data.draw(JSON)
    fields = msgspec.msgpack.decode(raw.person) | {"body": json.dumps(event).encode()}
    try:
        sighting = SOURCES[name].adapt(msgspec.structs.replace(raw, person=msgspec.msgpack.encode(fields)))
    except Rejected as rejected:
        assert rejected.reason in {  # noqa: PT017
            Reason.UNPARSEABLE,
            Reason.UNKNOWN_TYPE,
            Reason.MISSING_ID,
            Reason.INVALID_VALUE,
        }
    else:
        assert isinstance(sighting, Sighting)


@EACH
def test_a_sighting_is_named_after_the_raw_event(name: str) -> None:
    for event in golden_events(name):
        assert SOURCES[name].adapt(event).id == event.event_id


@EACH
def test_deep_json_is_refused_and_rejected(name: str) -> None:
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    for path in SOURCES[name].paths:
        with pytest.raises(Refused):
            source(name).split(request(name, deep, path))
    part = source(name).split(request(name, *first_golden(name)))[0]
    with pytest.raises(Rejected):
        SOURCES[name].adapt(stored(name, part._replace(body=deep)))


def first_golden(name: str) -> tuple[bytes, str]:
    golden = json.loads(goldens(name)[0].read_text())
    return json.dumps(golden["payload"]).encode(), golden["path"]


def places(value: object):  # type: ignore[no-untyped-def]
    """Every (container, key) in a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from places(inner)
