"""Who is let in, for every source in `SOURCES`: the true sender, and nobody who only looks like it."""

import json

import msgspec
import pytest

from connectors.sources import SOURCES, Part, Refused, Request, Source
from schemas.rejected import Rejected
from schemas.sighting import Sighting
from tests.contract.sources.senders import NOW, SENDERS, goldens, request, secrets, source, stored

EACH = pytest.mark.parametrize("name", SOURCES)
SIGNED = pytest.mark.parametrize("name", [name for name in SOURCES if SENDERS[name].signs])
DATED = pytest.mark.parametrize("name", [name for name in SOURCES if SENDERS[name].tolerance_s])


def golden(name: str) -> tuple[bytes, str]:
    found = json.loads(goldens(name)[0].read_text())
    return json.dumps(found["payload"]).encode(), found["path"]


def refusal(asked: Source, sent: Request) -> Refused:
    with pytest.raises(Refused) as refused:
        asked.verify(sent)
    assert 400 <= refused.value.status < 500
    return refused.value


@EACH
@pytest.mark.parametrize("number", [0, 1], ids=["new", "old"])
def test_of_two_secrets_in_rotation_either_is_good(name: str, number: int) -> None:
    source(name).verify(request(name, *golden(name), secret=secrets(name)[number]))


@EACH
def test_a_wrong_secret_is_none(name: str) -> None:
    for wrong in ("wrong", secrets(name)[0] + "x", secrets(name)[0][:-1]):
        refusal(source(name), request(name, *golden(name), secret=wrong))


@EACH
def test_what_comes_without_any_proof_is_refused(name: str) -> None:
    body, path = golden(name)
    refusal(source(name), Request("POST", path, {}, body, NOW))


@SIGNED
def test_what_was_changed_on_its_way_is_refused(name: str) -> None:
    asked, sent = source(name), request(name, *golden(name))
    asked.verify(sent)
    at = max(place for place, byte in enumerate(sent.body) if chr(byte).isalnum())
    changed = b"1" if sent.body[at : at + 1] == b"0" else b"0"
    refusal(asked, sent._replace(body=sent.body[:at] + changed + sent.body[at + 1 :]))


@DATED
@pytest.mark.parametrize("ahead", [-1, 1], ids=["stale", "future"])
def test_a_recording_is_let_in_within_its_tolerance_and_not_beyond(name: str, ahead: int) -> None:
    tolerance_s = SENDERS[name].tolerance_s
    source(name).verify(request(name, *golden(name), at=NOW + ahead * tolerance_s))
    said = refusal(source(name), request(name, *golden(name), at=NOW + ahead * (tolerance_s + 1)))
    assert said.code == "stale_signature"


@EACH
def test_a_repeat_is_let_in_as_the_first_was_and_is_the_same_event(name: str) -> None:
    asked, sent = source(name), request(name, *golden(name))
    asked.verify(sent)
    asked.verify(sent)
    marks = [[(part.event_id, part.key) for part in asked.split(sent)] for _ in range(2)]
    assert marks[0] == marks[1]


@EACH
def test_an_empty_body_is_refused_in_its_place(name: str) -> None:
    with pytest.raises(Refused) as refused:
        _let_in(name, b"")
    assert 400 <= refused.value.status < 500


@EACH
def test_what_is_no_utf8_is_refused_or_buried(name: str) -> None:
    body, path = golden(name)
    for spoilt in (b"\xff", b'{"a":"\xff"}', b'[{"a":"\xff"}]', body.replace(b"example", b"ex\xffmple", 1)):
        try:
            parts = _let_in(name, spoilt, path)
        except Refused as refused:
            assert 400 <= refused.status < 500  # noqa: PT017
            continue
        for part in (part for part in parts if not part.problem):
            _adapted_or_rejected(name, part)


def _let_in(name: str, body: bytes, path: str = "") -> list[Part]:
    asked, sent = source(name), request(name, body, path)
    asked.verify(sent)
    return asked.split(sent)


def _adapted_or_rejected(name: str, part: Part) -> None:
    try:
        sighting = SOURCES[name].adapt(stored(name, part))
    except Rejected as rejected:
        assert rejected.reason  # noqa: PT017
    else:
        assert isinstance(sighting, Sighting)
        assert msgspec.json.encode(sighting)
