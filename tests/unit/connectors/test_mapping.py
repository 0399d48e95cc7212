"""Maps of webhooks: the ready ones, a customer's own, and every way to write one wrong."""

import json
from pathlib import Path
from urllib.parse import urlencode

import pytest

from connectors.settings import SettingsError
from connectors.sources import Refused, Request
from connectors.sources.mapped import Mapped, adapter
from connectors.sources.mapping import Hmac, mappings
from schemas.records import Kind
from schemas.rejected import Reason, Rejected
from tests.contract.sources.senders import NEW, NOW, bearer, settings, stored

OWN = """
path: /v1/in/own
auth:
  {header: X-Sig, pattern: "^v1,(?P<sig>.+)$", encoding: base64, signed: "{body}"}
kind: form
id: token
occurred_at: at
test_if: draft
map: {email: answers.mail, company: answers.firm, value: worth}
"""


def ask(path: str, body: bytes, **environ: str) -> list[str]:
    asked = Mapped(settings(**environ))
    sent = Request("POST", path, bearer(NEW), body, NOW)
    asked.verify(sent)
    return [part.event_id for part in asked.split(sent)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("path: /v1/in/own", "path"),
        ("id: token", "id"),
        ("kind: form", "kind"),
        ("kind: form", "kind: nonsense"),
        ("id: token", "id: 'a['"),
        ("map: {email: answers.mail, company: answers.firm, value: worth}", "map: {company: x}"),
        ("map: {email: answers.mail, company: answers.firm, value: worth}", "map: {email: x, shoe_size: y}"),
        ("<sig>", "<other>"),
        ("{body}", "{ts}.{body}"),
        ("path: /v1/in/own", "path: /v1/track"),
        ("path: /v1/in/own", "path: /v1/in/tiktok"),
        ("path: /v1/in/own", ": ["),
    ],
)
def test_a_map_that_is_wrong_stops_the_process_and_names_its_file(change: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(OWN.replace(change, said if ":" in said or "<" in said or "{" in said else ""))
    with pytest.raises(SettingsError, match="LEADSTREAM_MAPS"):
        mappings((str(file),))


def test_a_map_of_ones_own_is_read_as_it_says(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(OWN)
    assert isinstance(mappings((str(file),))["own"].auth, Hmac)
    asked = Mapped(settings(LEADSTREAM_MAPS=str(file)))
    said = {"token": "t1", "at": "2026-11-20T09:15:01Z", "answers": {"mail": "jane@example.com"}, "worth": 7}
    body = json.dumps(said)
    [part] = asked.split(Request("POST", "/v1/in/own", {}, body.encode(), NOW))
    sighting = adapter((str(file),))(stored("mapped", part))
    assert (sighting.kind, sighting.value, sighting.identifiers.email) == (Kind.FORM, 7.0, "jane@example.com")
    assert sighting.occurred_at == NOW - 3
    with pytest.raises(Rejected) as rejected:
        Mapped.adapt(stored("mapped", part))  # who does not know the map cannot read it
    assert rejected.value.reason == Reason.UNKNOWN_TYPE


def test_mailchimps_forms_come_with_their_secret_in_the_url() -> None:
    form = {
        "type": "unsubscribe",
        "fired_at": "2026-11-20 09:15:00",
        "data[id]": "8a25ff1d98",
        "data[email]": "jane@example.com",
    }
    asked, body = Mapped(settings()), urlencode(form).encode()
    sent = Request("POST", "/v1/in/mailchimp", {}, body, NOW, f"key={NEW}")
    asked.verify(sent)
    with pytest.raises(Refused):
        asked.verify(sent._replace(query="key=guess"))
    [part] = asked.split(sent)
    sighting = Mapped.adapt(stored("mapped", part))
    assert (sighting.kind, sighting.identifiers.email, sighting.occurred_at) == (
        Kind.UNSUBSCRIBE,
        "jane@example.com",
        NOW - 4,
    )


def test_a_form_of_consent_says_yes_or_no() -> None:
    for said in ("yes", "no"):
        body = urlencode({"response_id": "r1", "email": "j@example.com", "consent": said}).encode()
        asked = Mapped(settings())
        [part] = asked.split(Request("POST", "/v1/in/formassembly", {}, body, NOW))
        assert Mapped.adapt(stored("mapped", part)).consent == {"contact": said == "yes"}


@pytest.mark.parametrize("body", [b"", b"\xff=1", b"&".join(b"a%d=1" % n for n in range(501))])
def test_a_form_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(Refused, match="form"):
        ask("/v1/in/formassembly", body)


def test_two_secrets_are_good_for_one_map_and_no_other() -> None:
    body = b'{"LeadId":"1","Email":"j@example.com"}'
    assert ask("/v1/in/microsoft", body, LEADSTREAM_MAP_SECRETS=f"microsoft:other,microsoft:{NEW}")
    with pytest.raises(Refused, match="set LEADSTREAM_MAP_SECRETS"):
        ask("/v1/in/microsoft", body, LEADSTREAM_MAP_SECRETS=f"calls:{NEW}")


def test_the_same_event_has_the_same_id_in_whatever_company_it_comes() -> None:
    one, two = {"lead_id": "1", "email": "a@example.com"}, {"lead_id": "2", "email": "b@example.com"}
    asked = Mapped(settings())

    def ids(body: object) -> list[str]:
        sent = Request("POST", "/v1/in/tiktok", {}, json.dumps(body).encode(), NOW)
        return [part.event_id for part in asked.split(sent)]

    assert ids({"data": [one, two]}) == ids(one) + ids([two])
