"""A part wrapped: nothing of it is lost, whichever way it came."""

from connectors.sources.contract import Part
from connectors.wrapping import wrapped
from schemas.person import unseal

PART = Part("e1", "/v1/x", "v-1", b"\xff{}", envelope=b'{"sentAt":1}')


def test_a_parts_bytes_its_envelope_and_its_sender_are_sealed() -> None:
    raw = wrapped("site", PART, 7.0, ip="203.0.113.0", user_agent="Sender/1.0", gpc=True)
    assert (raw.event_id, raw.source, raw.endpoint, raw.key) == ("e1", "site", "/v1/x", "v-1")
    assert (raw.received_at, raw.gpc, raw.released) == (7.0, True, False)
    assert unseal(raw.person, raw.person_key) == {
        "body": b"\xff{}",
        "ip": "203.0.113.0",
        "user_agent": "Sender/1.0",
        "envelope": b'{"sentAt":1}',
    }


def test_an_anonymous_part_is_kept_without_an_address() -> None:
    raw = wrapped("site", PART._replace(anonymous=True, envelope=b""), 7.0, ip="203.0.113.0", user_agent="S")
    assert unseal(raw.person, raw.person_key) == {"body": b"\xff{}", "ip": "", "user_agent": "S"}
