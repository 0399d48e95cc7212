"""Segment's own rules: where a write key may be, how large things may be, when something happened."""

import base64
import json
from urllib.parse import quote, urlencode

import pytest

from connectors.sources import Refused
from connectors.sources.segment import CALLS, Segment
from schemas.records import Kind
from schemas.rejected import Reason, Rejected
from tests.contract.sources.senders import NOW, WRITE_KEY, basic, request, settings, source, stored


def event(size: int, **fields: object) -> bytes:
    """An event of exactly `size` bytes, no string of it too long."""
    bare = json.dumps({"type": "page", "anonymousId": "a", "pad": [""] * 5, **fields})
    share, rest = divmod(size - len(bare), 5)
    pads = ["x" * (share + (n < rest)) for n in range(5)]
    return bare.replace(json.dumps([""] * 5), json.dumps(pads)).encode()


def batch(items: list[bytes]) -> bytes:
    return b'{"batch":[' + b",".join(items) + b"]}"


def adapted(body: bytes, call: str = "track", received_at: float = NOW, envelope: bytes = b""):  # type: ignore[no-untyped-def]
    part = source("segment").split(request("segment", b'{"anonymousId":"a","event":"x"}', "/v1/track"))[0]
    return Segment.adapt(stored("segment", part._replace(body=body, endpoint=call, envelope=envelope), received_at))


@pytest.mark.parametrize(
    "headers",
    [basic(), {"authorization": f"Bearer {WRITE_KEY}"}, {"authorization": f"basic {basic()['authorization'][6:]}"}],
)
def test_a_write_key_may_be_a_user_name_or_a_token(headers: dict[str, str]) -> None:
    source("segment").verify(request("segment", b"{}", headers=headers))


@pytest.mark.parametrize("call", [*CALLS, "batch"])
def test_the_browser_librarys_short_paths_mean_the_long_ones(call: str) -> None:
    one = b'{"type":"page","anonymousId":"a","event":"x","groupId":"g","previousId":"p","userId":"u"}'
    body = batch([one]) if call == "batch" else one
    short, long = (source("segment").split(request("segment", body, f"/v1/{path}")) for path in (call[0], call))
    assert short == long
    assert not short[0].problem


def test_a_write_key_may_be_in_the_body() -> None:
    body = json.dumps({"writeKey": WRITE_KEY}).encode()
    source("segment").verify(request("segment", body, headers={"none": ""}))


def test_a_write_key_may_be_in_the_body_beside_a_token_of_segments_own() -> None:
    body = json.dumps({"writeKey": WRITE_KEY}).encode()
    for shown in ("Bearer an-oauth-token", "Basic d3Jvbmc6"):
        source("segment").verify(request("segment", body, headers={"authorization": shown}))


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic !",
        "Basic d2\xbd",
        "Basic " + base64.b64encode(b"\xff:").decode(),
        "Bearer",
        "Digest x",
        "Basic d3Jvbmc6",
    ],
)
def test_anything_else_is_no_write_key(authorization: str) -> None:
    with pytest.raises(Refused, match="write key"):
        source("segment").verify(request("segment", b'{"writeKey":"no"}', headers={"authorization": authorization}))


@pytest.mark.parametrize(("over", "fits"), [(-1, True), (0, True), (1, False)])
def test_an_event_has_32_kilobytes(over: int, fits: bool) -> None:
    [part] = source("segment").split(request("segment", batch([event(32_768 + over)]), "/v1/batch"))
    assert (part.problem == "") == fits
    if fits:
        source("segment").split(request("segment", event(32_768 + over), "/v1/page"))
        return
    with pytest.raises(Refused) as refused:
        source("segment").split(request("segment", event(32_768 + over), "/v1/page"))
    assert (refused.value.status, refused.value.code) == (400, "too_large")


@pytest.mark.parametrize(("over", "fits"), [(-1, True), (0, True), (1, False)])
def test_a_batch_has_500_kilobytes(over: int, fits: bool) -> None:
    items = [event(20_000) for _ in range(20)]
    last = 512_000 + over - len(batch(items)) - 1
    body = batch([*items, *(event(last // 5) for _ in range(4)), event(last - 4 * (last // 5) - 4)])
    assert len(body) == 512_000 + over
    if fits:
        assert len(source("segment").split(request("segment", body, "/v1/batch"))) == 25
        return
    with pytest.raises(Refused, match="512000 bytes"):
        source("segment").split(request("segment", body, "/v1/batch"))


@pytest.mark.parametrize(("items", "fits"), [(2_499, True), (2_500, True), (2_501, False), (0, False)])
def test_a_batch_has_2500_events(items: int, fits: bool) -> None:
    body = batch([b'{"type":"page","userId":"u"}'] * items)
    if fits:
        assert len(source("segment").split(request("segment", body, "/v1/batch"))) == items
        return
    with pytest.raises(Refused) as refused:
        source("segment").split(request("segment", body, "/v1/batch"))
    assert refused.value.code == "batch_size"


@pytest.mark.parametrize(("over", "fits"), [(-1, True), (0, True), (1, False)])
def test_a_batchs_own_context_has_2_kilobytes_since_every_event_carries_it(over: int, fits: bool) -> None:
    bare = len(json.dumps({"context": ""}, separators=(",", ":")))
    context = "x" * (2_048 - bare + over)
    body = json.dumps({"batch": [{"type": "page", "userId": "u"}], "context": context}).encode()
    if fits:
        assert len(source("segment").split(request("segment", body, "/v1/batch"))[0].envelope) == 2_048 + over
        return
    with pytest.raises(Refused) as refused:
        source("segment").split(request("segment", body, "/v1/batch"))
    assert refused.value.code == "context_too_large"


def test_limits_are_settings() -> None:
    small = Segment(settings(LEADSTREAM_EVENT_BYTES="300", LEADSTREAM_BATCH_ITEMS="1"))
    with pytest.raises(Refused):
        small.split(request("segment", event(301), "/v1/page"))
    with pytest.raises(Refused):
        small.split(request("segment", batch([event(100)] * 2), "/v1/batch"))


def test_one_visitor_has_one_key_and_two_have_two() -> None:
    bodies = [{"anonymousId": "a"}, {"anonymousId": "a", "userId": "u"}, {"anonymousId": "b"}, {"userId": "a"}]
    keys = [
        source("segment").split(request("segment", json.dumps(body).encode(), "/v1/page"))[0].key for body in bodies
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_an_event_without_an_id_is_named_after_its_bytes() -> None:
    def named(body: bytes) -> str:
        return source("segment").split(request("segment", body, "/v1/page"))[0].event_id

    assert named(b'{"anonymousId":"a"}') == named(b'{"anonymousId":"a"}') != named(b'{"anonymousId":"b"}')
    assert named(b'{"anonymousId":"a","messageId":"m"}') == "m"
    assert named(b'{"anonymousId":"a","messageId":"%s"}' % (b"m" * 101)).startswith("h-")


@pytest.mark.parametrize(
    ("times", "happened"),
    [
        ({}, NOW),
        ({"timestamp": "2026-11-20T09:00:00Z"}, NOW - 904),
        ({"timestamp": "2026-11-20T08:00:00Z", "sentAt": "2026-11-20T08:00:05Z"}, NOW - 5),
        ({"originalTimestamp": "2030-01-01T00:00:00Z", "sentAt": "2030-01-01T00:01:00Z"}, NOW - 60),
        ({"timestamp": "2026-11-20T08:00:05Z", "sentAt": "2026-11-20T08:00:00Z"}, NOW),
    ],
    ids=["no clock", "history", "a slow clock", "a clock years ahead", "a clock set back meanwhile"],
)
def test_when_it_happened_is_told_by_our_clock_less_the_age_by_theirs(times: dict[str, str], happened: float) -> None:
    assert adapted(json.dumps({"anonymousId": "a", "event": "x", **times}).encode()).occurred_at == happened


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", Reason.UNPARSEABLE),
        (b'{"anonymousId":"a","event":"\xff"}', Reason.UNPARSEABLE),
        (b'{"event":"x"}', Reason.MISSING_ID),
        (b'{"anonymousId":"a"}', Reason.INVALID_VALUE),
        (b'{"anonymousId":{},"event":"x"}', Reason.INVALID_VALUE),
        (b'{"anonymousId":"a","event":"x","timestamp":"yesterday"}', Reason.INVALID_VALUE),
        (b'{"anonymousId":"a","event":"x","properties":{"value":"NaN"}}', Reason.INVALID_VALUE),
        (b'{"anonymousId":"a","event":"x","properties":{"value":true}}', Reason.INVALID_VALUE),
        (
            b'{"anonymousId":"a","event":"x","context":{"consent":{"categoryPreferences":{"Ad":7}}}}',
            Reason.INVALID_VALUE,
        ),
    ],
)
def test_what_cannot_be_used_says_why(body: bytes, reason: Reason) -> None:
    with pytest.raises(Rejected) as rejected:
        adapted(body)
    assert rejected.value.reason == reason


def test_an_unknown_type_in_a_batch_is_kept_by_the_collector_and_rejected_by_the_adapter() -> None:
    [part] = source("segment").split(request("segment", batch([b'{"type":"sing","userId":"u"}']), "/v1/batch"))
    assert not part.problem
    with pytest.raises(Rejected) as rejected:
        Segment.adapt(stored("segment", part))
    assert rejected.value.reason == Reason.UNKNOWN_TYPE


@pytest.mark.parametrize("name", ["Demo Requested", "demo_requested", " DEMO-REQUESTED "])
def test_event_names_are_read_as_people_write_them(name: str) -> None:
    assert adapted(json.dumps({"anonymousId": "a", "event": name}).encode()).kind == Kind.DEMO_REQUEST


def test_every_plain_trait_is_read_and_none_of_the_personal_ones() -> None:
    own = {"plan": "trial", "seats": 3, "rate": 0.25, "beta": True, "email": "jane@example.com", "firstName": "Jane"}
    odd = {"nested": {"a": 1}, "list": [1], "none": None, "long": "x" * 65, "website": "example.com", "jobTitle": "CTO"}
    body = {"type": "identify", "userId": "u", "traits": own | odd, "context": {"traits": {"plan": "old", "tier": "b"}}}
    traits = adapted(json.dumps(body).encode(), "identify").traits
    assert traits == {
        "plan": "trial",
        "seats": "3",
        "rate": "0.25",
        "beta": "true",
        "tier": "b",
        "title": "CTO",
    }


def test_a_batch_with_two_lists_is_refused_and_one_that_only_speaks_of_lists_is_not() -> None:
    item = b'{"type":"page","anonymousId":"a"}'
    with pytest.raises(Refused, match="given twice"):
        source("segment").split(request("segment", b'{"batch":[%b],"batch":[%b]}' % (item, item), "/v1/batch"))
    told = b'{"type":"page","anonymousId":"a","properties":{"batch":"batch"}}'
    assert len(source("segment").split(request("segment", batch([item, told]), "/v1/batch"))) == 2


SENT = b'{"writeKey":"%b","anonymousId":"a","event":"x+y \xc3\xbc"}' % WRITE_KEY.encode()
FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


@pytest.mark.parametrize(
    "form",
    [
        urlencode({"data": SENT}),
        urlencode({"data": base64.b64encode(SENT)}),
        f"v=1&data={base64.b64encode(SENT).decode()}",  # as it is written when nobody escapes it
        f"data={quote(SENT)}&other=1",
    ],
)
def test_a_form_carries_its_event_in_the_field_data(form: str) -> None:
    asked = request("segment", form.encode(), "/v1/track", headers=FORM)
    source("segment").verify(asked)
    [part] = source("segment").split(asked)
    assert json.loads(part.body) == {"anonymousId": "a", "event": "x+y ü"}


@pytest.mark.parametrize(
    "form", [b"", b"other=1", b"data=", b"data=!", b"data=%ff", b"\xff=1", b"&".join([b"a=1"] * 21)]
)
def test_a_form_without_an_event_is_refused(form: bytes) -> None:
    asked = request("segment", form, "/v1/track", headers=FORM | basic())
    source("segment").verify(asked)
    with pytest.raises(Refused) as refused:
        source("segment").split(asked)
    assert refused.value.status == 400


def test_what_somebody_wrote_is_there_to_be_judged_and_is_no_personal_field() -> None:
    properties = {"email": "jane@example.com", "message": "Do you ship to Norway?"}
    seen = adapted(json.dumps({"anonymousId": "a", "event": "Form Submitted", "properties": properties}).encode())
    assert (seen.said, "message" in seen.person, seen.traits) == ("Do you ship to Norway?", False, {})
