"""Strangers' JSON: what is refused, and under which code."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sources.sound import DEPTH, PUBLIC, SIGNED, Unsound, cut, parse_event, repeats

KEYS, STRING = PUBLIC

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
    "duplicate_key, of no matter": b'{"a":[{"x":1,"y":[],"x":1}]}',
    "duplicate_key, one written otherwise": b'{"ab":1,"\\u0061b":2}',
    "duplicate_key, beside what is escaped": b'{"a":"\\"","b":1,"b":1}',
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


def keys(count: int) -> bytes:
    """An event of so many keys, most of them in objects of an array."""
    return json.dumps({"in": [{"a": 1, "b": 2}] * ((count - 1) // 2), **({"c": 3} if count % 2 == 0 else {})}).encode()


def string(size: int, character: str = "x") -> bytes:
    return b'{"a":["%b"]}' % (character * size).encode()


def deep(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


@pytest.mark.parametrize(
    ("code", "fits", "too_much"),
    [
        ("too_deep", [deep(DEPTH - 1), deep(DEPTH)], deep(DEPTH + 1)),
        ("too_many_keys", [keys(KEYS - 1), keys(KEYS)], keys(KEYS + 1)),
        ("string_too_long", [string(STRING - 1), string(STRING)], string(STRING + 1)),
        ("string_too_long", [string(STRING // 2 - 1, "ü"), string(STRING // 2, "ü")], string(STRING // 2 + 1, "ü")),
    ],
)
def test_an_event_may_hold_as_much_as_the_limit_and_no_more(code: str, fits: list[bytes], too_much: bytes) -> None:
    for body in fits:
        parse_event(body)
    with pytest.raises(Unsound) as unsound:
        parse_event(too_much)
    assert unsound.value.code == code


def test_a_long_key_is_refused_as_a_long_string_is() -> None:
    parse_event(b'{"%b":1}' % (b"k" * STRING))
    with pytest.raises(Unsound, match="key holds more"):
        parse_event(b'{"%b":1}' % (b"k" * (STRING + 1)))


def test_who_signs_may_say_more() -> None:
    parse_event(keys(KEYS * 2), SIGNED)
    parse_event(b'{"a":"%b"}' % (b"x" * STRING * 4), SIGNED)


WORDS = st.text(alphabet=st.sampled_from('ab":\\{}\u00fc\u2028'), max_size=3)


class Pairs:
    """An object as it is written: a key may be there twice."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        self.pairs = pairs

    def twice(self) -> bool:
        inner = [value for _, value in self.pairs]
        return len({name for name, _ in self.pairs}) < len(self.pairs) or any(map(twice, inner))


TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(WORDS, inner), max_size=3).map(Pairs),
    max_leaves=8,
)


def twice(value: object) -> bool:
    return value.twice() if isinstance(value, Pairs) else isinstance(value, list) and any(map(twice, value))


def written(value: object, plain: bool) -> str:
    if isinstance(value, Pairs):
        pairs = (f"{json.dumps(name, ensure_ascii=plain)}: {written(inner, plain)}" for name, inner in value.pairs)
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(written(inner, plain) for inner in value) + "]"
    return json.dumps(value, ensure_ascii=plain)


@given(st.lists(st.tuples(WORDS, TREES), max_size=4).map(Pairs), st.booleans())
def test_a_key_given_twice_is_found_wherever_it_is_and_nowhere_else(event: Pairs, plain: bool) -> None:
    body = written(event, plain).encode()
    try:
        parse_event(body)
    except Unsound as unsound:
        assert unsound.code == "duplicate_key"  # noqa: PT017
        assert event.twice()
    else:
        assert not event.twice()


def test_the_outermost_object_can_be_looked_at_alone() -> None:
    assert repeats(b'{"a":{"b":1,"b":2},"c":{}}')
    assert not repeats(b'{"a":{"b":1,"b":2},"c":{}}', top=True)
    assert repeats(b'{"a":[{}],"a":{}}', top=True)


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
