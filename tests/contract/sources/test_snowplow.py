"""Snowplow's protocol beyond what every source does: pixels, app ids, anonymity, the cookie, broken payloads."""

import base64
import json
from urllib.parse import urlencode

import pytest

from connectors.sources import SOURCES, Part, Refused, Request
from connectors.sources.snowplow import GET, PAYLOAD, POST, Snowplow
from schemas.records import Kind
from schemas.rejected import Reason, Rejected
from tests.contract.sources.senders import NOW, settings, source, stored

COOKIE = "0b8f2b9e-3f0a-4c44-9e0f-4f5c2a7d9b11"
EVENT = {"e": "pv", "eid": "e-1", "aid": "shop", "duid": "d-1", "url": "https://shop.example/docs"}


def posted(*events: dict[str, str], schema: str = f"{PAYLOAD}4", **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("POST", POST, named, json.dumps({"schema": schema, "data": events}).encode(), NOW)


def pixel(event: dict[str, str], **headers: str) -> Request:
    return Request(
        "GET", GET, {name.replace("_", "-"): value for name, value in headers.items()}, b"", NOW, urlencode(event)
    )


def snowplow() -> Snowplow:
    return Snowplow(settings())


def test_a_pixel_says_what_a_post_says() -> None:
    asked = pixel(EVENT)
    snowplow().verify(asked)
    [by_get], [by_post] = snowplow().split(asked), snowplow().split(posted(EVENT))
    assert by_get.event_id == by_post.event_id == "e-1"
    assert Snowplow.adapt(stored("snowplow", by_get)) == Snowplow.adapt(stored("snowplow", by_post))
    assert Snowplow.adapt(stored("snowplow", by_get)).kind is Kind.DOCS


@pytest.mark.parametrize("query", ["", "e", "=&=", "&".join(f"a{n}=1" for n in range(201))])
def test_a_pixel_without_a_sound_query_is_refused(query: str) -> None:
    with pytest.raises(Refused):
        source("snowplow").verify(Request("GET", GET, {}, b"", NOW, query))


def test_each_event_of_another_app_is_refused_for_itself() -> None:
    other = EVENT | {"aid": "elsewhere"}
    with pytest.raises(Refused) as refused:
        snowplow().verify(posted(other))
    assert refused.value.code == "unknown_app"
    both = posted(other, EVENT)
    snowplow().verify(both)
    parts = snowplow().split(both)
    assert [part.problem for part in parts] == ["unknown_app", ""]
    answer = snowplow().thank(both, parts)
    assert (answer.status, json.loads(answer.body)) == (200, {"refused": [{"index": 0, "reason": "unknown_app"}]})


def test_the_cookie_follows_a_browser_and_is_not_set_for_the_anonymous() -> None:
    first = snowplow().thank(posted(EVENT), [])
    assert "HttpOnly" in first.cookie
    assert "Max-Age=31536000" in first.cookie
    again = snowplow().thank(posted(EVENT, cookie=f"a=b; sp={COOKIE}"), [])
    assert again.cookie.startswith(f"sp={COOKIE};")
    assert not snowplow().thank(posted(EVENT, sp_anonymous="*"), []).cookie
    assert not snowplow().thank(posted(EVENT, sec_gpc="1"), []).cookie


@pytest.mark.parametrize("forged", ["", "sp=", "sp=me", 'sp="; Domain=evil', f"other={COOKIE}"])
def test_a_cookie_that_we_cannot_have_set_is_replaced(forged: str) -> None:
    cookie = snowplow().thank(posted(EVENT, cookie=forged), []).cookie
    assert cookie.startswith("sp=")
    assert "evil" not in cookie
    assert COOKIE not in cookie


def test_the_cookie_identifies_who_has_no_other_id_and_anonymity_lets_it_go() -> None:
    bare = {name: value for name, value in EVENT.items() if name != "duid"}
    [part] = snowplow().split(posted(bare, cookie=f"sp={COOKIE}"))
    assert Snowplow.adapt(stored("snowplow", part)).identifiers.visitor == COOKIE
    [unknown] = snowplow().split(posted(bare, cookie=f"sp={COOKIE}", sp_anonymous="*"))
    assert unknown.problem == "no_user_id"
    [session] = snowplow().split(posted(bare | {"sid": "s-1"}, sp_anonymous="*"))
    assert (session.problem, session.anonymous) == ("", True)


def test_another_schema_is_not_a_payload() -> None:
    with pytest.raises(Refused) as refused:
        snowplow().split(posted(EVENT, schema="iglu:com.example/other/jsonschema/1-0-0"))
    assert refused.value.code == "unknown_schema"


@pytest.mark.parametrize(("count", "fits"), [(1, True), (2_500, True), (2_501, False), (0, False)])
def test_a_batch_may_be_as_long_as_the_limit(count: int, fits: bool) -> None:
    asked = posted(*[EVENT] * count)
    if fits:
        assert len(snowplow().split(asked)) == count
        return
    with pytest.raises(Refused):
        snowplow().split(asked)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"e": "xx"}, Reason.UNKNOWN_TYPE),
        ({"e": "ue"}, Reason.INVALID_VALUE),
        ({"e": "ue", "ue_px": "%%%"}, Reason.UNPARSEABLE),
        ({"e": "ue", "ue_pr": "{"}, Reason.UNPARSEABLE),
        ({"e": "ue", "ue_pr": '{"schema":"iglu:a/b/jsonschema/1-0-0","data":[]}'}, Reason.INVALID_VALUE),
        ({"cx": base64.urlsafe_b64encode(b'{"schema":"s","data":{}}').decode()}, Reason.INVALID_VALUE),
        ({"dtm": "soon"}, Reason.INVALID_VALUE),
        ({"e": "se", "se_va": "much"}, Reason.INVALID_VALUE),
    ],
)
def test_what_cannot_be_read_is_rejected_with_a_reason(change: dict[str, str], reason: Reason) -> None:
    [part] = snowplow().split(posted(EVENT | change))
    with pytest.raises(Rejected) as rejected:
        SOURCES["snowplow"].adapt(stored("snowplow", part))
    assert rejected.value.reason is reason


def test_what_is_refused_in_the_batch_is_never_stored_under_a_key() -> None:
    parts = snowplow().split(posted(EVENT, {"aid": "shop", "duid": "d-1"}))
    assert parts[1] == Part(parts[1].event_id, "tp2", "", parts[1].body, problem="no_type", advice=parts[1].advice)
