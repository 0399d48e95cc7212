"""Strangers' JSON: what is refused, and under which code."""

import pytest

from connectors.sources.sound import DEPTH, Unsound, cut, parse_event

HAZARDS = {
    "too_deep": b'{"a":' * (DEPTH + 1) + b"1" + b"}" * (DEPTH + 1),
    "too_deep, by far": b'{"a":' * 1_000_000,
    "invalid_json, NaN": b'{"a":NaN}',
    "invalid_json, Infinity": b'{"a":-Infinity}',
    "invalid_json, cut off": b'{"a":1',
    "invalid_json, more after it": b'{"a":1}{}',
    "invalid_json, lone surrogate": b'{"a":"\\ud800"}',
    "invalid_utf8": b'{"a":"\xff"}',
    "invalid_utf8, in a key": b'{"\xff":1}',
    "huge_integer": b'{"a":{"b":9223372036854775808}}',
    "invalid_value, huger": b'{"a":' + b"9" * 10_000 + b"}",
    "invalid_value, beyond floats": b'{"a":1e999}',
    "not_an_object": b"[1]",
    "duplicate_key": b'{"userId":"a","userId":"b"}',
}


@pytest.mark.parametrize(("name", "body"), HAZARDS.items(), ids=HAZARDS)
def test_a_hazard_is_named(name: str, body: bytes) -> None:
    with pytest.raises(Unsound) as unsound:
        parse_event(body)
    assert unsound.value.code == name.partition(",")[0]


def test_what_only_looks_like_a_hazard_passes() -> None:
    parse_event(b'{"a":' * DEPTH + b"1" + b"}" * DEPTH)
    parse_event(b'{"a":[' + b",".join([b"{}"] * 100) + b"]}")
    parse_event(b'{"a":"12345678901234567890","b":-9223372036854775808}')
    parse_event(b'{"userId":"a","traits":{"userId":"b"}}')


def test_no_message_repeats_a_value() -> None:
    with pytest.raises(Unsound) as unsound:
        parse_event(b'{"email":"jane@example.com","email":"jane@example.com"}')
    assert "jane" not in str(unsound.value)


@pytest.mark.parametrize(
    ("body", "without"),
    [
        (b'{"k":"s"}', b"{}"),
        (b'{"k":"s","a":1}', b'{"a":1}'),
        (b'{"a":1 , "k" : "s" }', b'{"a":1 }'),
        (b'{"a":{"k":"s"},"b":[{"k":"t\\"u"}]}', b'{"a":{},"b":[{}]}'),
        (b'{"a":"\\"k\\":\\"s\\""}', b'{"a":"\\"k\\":\\"s\\""}'),
        (b'{"a":"k","b":"k"}', b'{"a":"k","b":"k"}'),
    ],
)
def test_a_member_is_cut_out_wherever_it_is_and_nothing_else(body: bytes, without: bytes) -> None:
    assert cut(body, "k") == without
    parse_event(cut(body, "k"))
