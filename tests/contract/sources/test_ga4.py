"""GA4's Measurement Protocol beyond what every source does: its secrets, its limits, its debug endpoint."""

import json

import pytest

from connectors.sources import Refused, Request
from connectors.sources.ga4 import COLLECT, DEBUG, MOST_BYTES, OLDEST_S, Ga4
from tests.contract.sources.senders import MEASUREMENT_ID, NEW, NOW, ga4_query, settings, stored


def asked(body: dict[str, object] | bytes, path: str = COLLECT, query: str = ga4_query()) -> Request:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request("POST", path, {}, raw, NOW, query)


def sent(*events: dict[str, object], **also: object) -> dict[str, object]:
    return {"client_id": "c-1", "events": events or [{"name": "page_view"}], **also}


def events(count: int) -> list[dict[str, object]]:
    return [{"name": "a"} for _ in range(count)]


def problems(body: dict[str, object]) -> list[str]:
    return [part.problem for part in ga4().split(asked(body))]


def ga4() -> Ga4:
    return Ga4(settings())


@pytest.mark.parametrize(
    "query",
    [
        "",
        f"measurement_id={MEASUREMENT_ID}",
        f"api_secret={NEW}",
        f"measurement_id=G-OTHER&api_secret={NEW}",
        f"measurement_id={MEASUREMENT_ID}&api_secret={NEW}x",
        "&".join(["a=1"] * 100),
    ],
)
def test_a_secret_opens_its_own_measurement_id_only(query: str) -> None:
    with pytest.raises(Refused) as refused:
        ga4().verify(asked(sent(), query=query))
    assert refused.value.code == "invalid_api_secret"
    assert NEW not in refused.value.message


def test_an_apps_stream_is_known_by_its_firebase_app_id() -> None:
    app = Ga4(settings(LEADSTREAM_GA4_SECRETS="app-1:s-1"))
    app.verify(asked(sent(), query="firebase_app_id=app-1&api_secret=s-1"))


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (sent({"name": "n" * 39}), ""),
        (sent({"name": "n" * 40}), ""),
        (sent({"name": "n" * 41}), "name_invalid"),
        (sent({"name": ""}), "name_invalid"),
        (sent({"name": "a", "params": {f"p{n}": 1 for n in range(24)}}), ""),
        (sent({"name": "a", "params": {f"p{n}": 1 for n in range(25)}}), ""),
        (sent({"name": "a", "params": {f"p{n}": 1 for n in range(26)}}), "too_many_params"),
        (sent({"name": "a", "params": {"p" * 40: 1}}), ""),
        (sent({"name": "a", "params": {"p" * 41: 1}}), "param_name_invalid"),
        (sent({"name": "a", "params": {"p": "v" * 100}}), ""),
        (sent({"name": "a", "params": {"p": "v" * 101}}), "param_value_invalid"),
        (sent({"name": "a", "params": {"page_location": "v" * 1_000}}), ""),
        (sent({"name": "a", "params": {"page_location": "v" * 1_001}}), "param_value_invalid"),
        (sent({"name": "a", "params": {"page_referrer": "v" * 420}}), ""),
        (sent({"name": "a", "params": {"page_referrer": "v" * 421}}), "param_value_invalid"),
        (sent({"name": "a", "params": {"page_title": "v" * 300}}), ""),
        (sent({"name": "a", "params": {"page_title": "v" * 301}}), "param_value_invalid"),
        (sent({"name": "a", "params": []}), "too_many_params"),
        (sent({"name": "a", "timestamp_micros": int((NOW - OLDEST_S) * 1e6)}), ""),
        (sent({"name": "a", "timestamp_micros": int((NOW - OLDEST_S - 1) * 1e6)}), "timestamp_too_old"),
        (sent({"name": "a"}, timestamp_micros=str(int((NOW - OLDEST_S - 1) * 1e6))), "timestamp_too_old"),
        (sent({"name": "a", "timestamp_micros": "soon"}), "timestamp_invalid"),
        (sent({"name": "a", "timestamp_micros": "nan"}), "timestamp_invalid"),
        (sent({"name": "a", "timestamp_micros": "inf"}), "timestamp_invalid"),
    ],
)
def test_an_event_is_kept_within_googles_limits(body: dict[str, object], problem: str) -> None:
    assert problems(body) == [problem]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (sent(*events(26)), "batch_size"),
        ({"client_id": "c-1", "events": []}, "batch_size"),
        ({"events": [{"name": "a"}]}, "no_client_id"),
        (sent(user_properties={f"u{n}": {"value": 1} for n in range(26)}), "too_many_user_properties"),
        (json.dumps(sent()).encode().ljust(MOST_BYTES + 1), "too_large"),
        (b"{", "invalid_json"),
    ],
)
def test_a_request_beyond_googles_limits_is_refused(body: dict[str, object] | bytes, code: str) -> None:
    with pytest.raises(Refused) as refused:
        ga4().split(asked(body))
    assert refused.value.code == code


def test_a_request_at_the_limits_is_taken() -> None:
    full = sent(*events(25), user_properties={f"u{n}": {"value": 1} for n in range(25)})
    assert problems(full) == [""] * 25
    assert ga4().split(asked(json.dumps(sent()).encode().ljust(MOST_BYTES)))


def test_equal_events_of_a_request_are_several_and_a_request_sent_again_is_the_same() -> None:
    twice = [part.event_id for part in ga4().split(asked(sent({"name": "a"}, {"name": "a"})))]
    assert len(set(twice)) == 2
    assert twice == [part.event_id for part in ga4().split(asked(sent({"name": "a"}, {"name": "a"})))]


def test_the_answer_is_googles_and_names_what_was_refused() -> None:
    good = asked(sent())
    assert ga4().thank(good, ga4().split(good))[:2] == (204, b"")
    mixed = asked(sent({"name": ""}, {"name": "a"}))
    answer = ga4().thank(mixed, ga4().split(mixed))
    said = json.loads(answer.body)
    assert (answer.status, said["accepted"]) == (200, 1)
    assert said["results"][0]["index"] == 0


def test_who_asks_to_be_checked_is_told_all_and_nothing_is_stored() -> None:
    bad = asked(sent({"name": ""}), DEBUG)
    assert ga4().split(bad) == []
    [message] = json.loads(ga4().thank(bad, []).body)["validationMessages"]
    assert (message["fieldPath"], message["validationCode"]) == ("events[0]", "NAME_INVALID")
    assert json.loads(ga4().thank(asked(sent(), DEBUG), []).body) == {"validationMessages": []}


def test_denied_consent_is_heard_in_any_case() -> None:
    [part] = ga4().split(asked(sent(consent={"ad_user_data": "denied", "ad_personalization": "GRANTED"})))
    assert Ga4.adapt(stored("ga4", part)).consent == {"ads": False}
