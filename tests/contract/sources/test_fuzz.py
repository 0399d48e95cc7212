"""Every adapter among mutated events: whatever a sender may write, the answer is a sighting or a typed rejection."""

import json
import os
from copy import deepcopy
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.sources import SOURCES, Refused
from schemas.person import seal
from schemas.records import RawEvent
from schemas.rejected import Rejected
from schemas.sighting import Sighting
from tests.contract.sources.senders import NOW, golden_events, goldens, request, source

EXAMPLES = int(os.environ.get("LEADSTREAM_FUZZ_EXAMPLES", "50"))  # `make check-api` tries many more
Places = list[tuple[Any, Any]]

EACH = pytest.mark.parametrize("name", SOURCES)
ODD: list[object] = [
    *(None, True, False, 0, -1, 0.5, -0.0, 1e308, -1e308, 5e-324, 2**53 + 1, 2**63 - 1, -(2**63), 2**64, 10**30),
    *("", " ", "\0", "0", "-1", "NaN", "Infinity", "1e999", "9" * 5_000, "true", "null", "[]", "{}", "%00", "%", "@"),
    *("ü" * 300, "\ufeff", "\u202e", "\U0001f600", "a@b", "a@b.c", "+", "+1", "0000-00-00T00:00:00Z", "9999-12-31"),
    *(
        "http://",
        "http://[",
        "//x",
        "https://x/?utm_source=%ff&gclid=" + "x" * 3_000,
        "data:,",
        "=",
        "==",
        "AAAA",
        "e30=",
    ),
    *([], {}, [[]], [{}], {"": ""}, [None], {"value": None}, {"email": {}}, [1, "a", None, {}]),
]
WORDS = st.sampled_from(ODD) | st.text(max_size=8) | st.integers() | st.floats(allow_nan=False)


def places(value: Any) -> Places:
    """Where something stands in a JSON value: container and key."""
    if not isinstance(value, (dict, list)):
        return []
    items = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    return [(value, key) for key, _ in items] + [place for _, inner in items for place in places(inner)]


@cache
def events_of(name: str) -> tuple[RawEvent, ...]:
    return tuple(golden_events(name))


def mutated(draw: Any, event: Any) -> bytes:
    """The event with a few things replaced, taken out, moved or put elsewhere too; then perhaps some bytes of it."""
    for _ in range(draw(st.integers(1, 4))):
        there = places(event)
        if not there:
            break
        holder, key = draw(st.sampled_from(there))
        match draw(st.sampled_from(["replace", "drop", "copy", "wrap", "rename"])):
            case "replace":
                holder[key] = deepcopy(draw(WORDS))  # what comes next may change it
            case "drop":
                del holder[key]
            case "copy":
                other, where = draw(st.sampled_from(there))
                try:
                    holder[key] = json.loads(json.dumps(other[where]))
                except (KeyError, IndexError):
                    continue  # it has been taken out
            case "wrap":
                holder[key] = [holder[key]] if draw(st.booleans()) else {"value": holder[key]}
            case "rename" if isinstance(holder, dict):
                holder[str(draw(WORDS))[:50]] = holder.pop(key)
    body = json.dumps(event, ensure_ascii=bool(draw(st.booleans()))).encode(errors="surrogatepass")
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 3]))):
        at = draw(st.integers(0, max(0, len(body) - 1)))
        body = body[:at] + draw(st.binary(max_size=3)) + body[at + 1 :]
    return body


@EACH
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_an_adapter_never_raises_anything_but_its_typed_rejection(name: str, data: st.DataObject) -> None:
    raw = data.draw(st.sampled_from(events_of(name)))
    fields = msgspec.msgpack.decode(raw.person)
    fields["body"] = mutated(data.draw, json.loads(fields["body"]))
    if "envelope" in fields and data.draw(st.booleans()):
        fields["envelope"] = mutated(data.draw, json.loads(fields["envelope"]))
    person, person_key = seal(fields)
    endpoint = raw.endpoint if data.draw(st.booleans()) else data.draw(st.text(max_size=8))
    odd = msgspec.structs.replace(raw, person=person, person_key=person_key, endpoint=endpoint)
    try:
        sighting = SOURCES[name].adapt(odd)
    except Rejected as rejected:
        assert rejected.reason  # noqa: PT017
    else:
        assert isinstance(sighting, Sighting)
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(sighting), type=Sighting) == sighting


BYTES = st.text(st.characters(max_codepoint=255), max_size=6)  # as HTTP servers hand headers on


@EACH
@settings(max_examples=EXAMPLES // 2, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_header_of_any_bytes_and_any_query_are_let_in_or_refused(name: str, data: st.DataObject) -> None:
    golden = json.loads(goldens(name)[0].read_text())
    asked = request(name, json.dumps(golden["payload"]).encode(), golden["path"], at=NOW)
    headers = dict(asked.headers)
    for header in data.draw(
        st.lists(st.sampled_from([*headers, "authorization", "cookie", "origin"]), min_size=1, max_size=2)
    ):
        shown = headers.get(header) or data.draw(st.sampled_from(["", "Basic ", "Bearer ", "sp=", "leadstream_id="]))
        at = data.draw(st.integers(0, len(shown)))
        headers[header] = shown[:at] + data.draw(BYTES) + shown[at + data.draw(st.integers(0, 3)) :]
    query = asked.query + data.draw(BYTES)
    try:
        source(name).verify(asked._replace(headers=headers, query=query))
    except Refused as refused:
        assert 400 <= refused.status < 500  # noqa: PT017


@EACH
@settings(max_examples=EXAMPLES // 2, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_door_never_raises_anything_but_its_typed_refusal(name: str, data: st.DataObject) -> None:
    golden = json.loads(data.draw(st.sampled_from(goldens(name))).read_text())
    asked = request(name, mutated(data.draw, golden["payload"]), golden["path"], at=NOW)
    try:
        source(name).verify(asked)
        parts = source(name).split(asked)
    except Refused as refused:
        assert 400 <= refused.status < 500  # noqa: PT017
    else:
        assert all(part.problem or part.ignored or part.key for part in parts)
