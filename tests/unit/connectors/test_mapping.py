"""Maps of webhooks: the ready ones, a customer's own, and every way to write one wrong."""

import hmac
import json
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest

from connectors.settings import SettingsError
from connectors.sources import Refused, Request
from connectors.sources.mapped import Mapped, adapter
from connectors.sources.mapping import Hmac, mappings
from schemas.records import Kind
from schemas.rejected import Reason, Rejected
from schemas.sighting import Campaign, Sighting
from tests.contract.sources.senders import NEW, NOW, OLD, bearer, settings, stored

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


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (b": [", "is not YAML: while parsing"),
        (b"- 1", "is no mapping; write keys and values, as connectors/sources/maps has them"),
        (b"", "is no mapping"),
        (b"\xff\xfe\x00", "cannot be read (UnicodeDecodeError); name a file that may be read"),
    ],
)
def test_a_file_that_holds_no_map_is_told_with_what_is_in_it(written: bytes, said: str, tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_bytes(written)
    with pytest.raises(SettingsError, match=re.escape(f"LEADSTREAM_MAPS {file}: {said}")):
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


def form(name: str, fields: dict[str, str]) -> tuple[str, Sighting]:
    """What a form says, and under which id."""
    [part] = Mapped(settings()).split(Request("POST", f"/v1/in/{name}", {}, urlencode(fields).encode(), NOW))
    return part.event_id, Mapped.adapt(stored("mapped", part))


MAILCHIMP = {"fired_at": "2026-11-20 09:15:00", "data[list_id]": "a6b5da1054"}
SUBSCRIBER = MAILCHIMP | {
    "data[id]": "8a25ff1d98",
    "data[email]": "jane@example.com",
    "data[email_type]": "html",
    "data[ip_opt]": "203.0.113.9",
    "data[merges][EMAIL]": "jane@example.com",
    "data[merges][FNAME]": "Jane",
    "data[merges][LNAME]": "Doe",
}
CHANGED = {"data[new_id]": "51da8c3259", "data[new_email]": "jane@example.com", "data[old_email]": "j@example.com"}


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        (SUBSCRIBER | {"type": "subscribe"}, Kind.FORM),
        (SUBSCRIBER | {"type": "unsubscribe", "data[action]": "unsub", "data[reason]": "manual"}, Kind.UNSUBSCRIBE),
        (SUBSCRIBER | {"type": "profile"}, Kind.OTHER),
        (MAILCHIMP | CHANGED | {"type": "upemail"}, Kind.OTHER),
        (MAILCHIMP | {"type": "cleaned", "data[reason]": "hard", "data[email]": "jane@example.com"}, Kind.EMAIL_BOUNCE),
    ],
)
def test_mailchimps_events_mean_what_they_are_called(fields: dict[str, str], kind: Kind) -> None:
    _, sighting = form("mailchimp", fields)
    assert (sighting.kind, sighting.identifiers.email, sighting.occurred_at) == (kind, "jane@example.com", NOW - 4)
    assert sighting.person.get("first_name", "") == fields.get("data[merges][FNAME]", "")


def test_two_addresses_that_change_in_one_second_are_two_events() -> None:
    others = CHANGED | {"data[new_id]": "51da8c3260", "data[new_email]": "ann@example.com"}
    ids = [form("mailchimp", MAILCHIMP | {"type": "upemail"} | each)[0] for each in (CHANGED, others, CHANGED)]
    assert ids[0] != ids[1]
    assert ids[0] == ids[2]


def test_mailchimp_asks_whether_a_webhook_is_there_and_hears_of_it_with_its_secret_alone() -> None:
    asked = Request("GET", "/v1/in/mailchimp", {}, b"", NOW, f"key={NEW}")
    assert Mapped(settings()).answer(asked).status == 200
    for query in ("", "key=guess"):
        with pytest.raises(Refused) as refused:
            Mapped(settings()).answer(asked._replace(query=query))
        assert refused.value.status == 401


@pytest.mark.parametrize(
    ("said", "consent"), [("yes", {"contact": True}), ("no", {"contact": False}), ("", {}), (None, {})]
)
def test_a_form_of_consent_says_yes_or_no_and_one_that_does_not_ask_says_neither(
    said: str | None, consent: dict[str, bool]
) -> None:
    fields = {"response_id": "r1", "email": "j@example.com"} | ({} if said is None else {"consent": said})
    assert form("formassembly", fields)[1].consent == consent


def test_formassemblys_connector_posts_the_fields_by_name() -> None:
    _, sighting = form(
        "formassembly",
        {
            "response_id": "318845",
            "submitted_at": "2026-11-20T09:15:01Z",
            "email": "jane.doe@example.com",
            "first_name": "Jane",
            "last_name": "Doe",
            "company": "Example GmbH",
            "job_title": "Head of Ops",
            "page_url": "https://shop.example/demo?utm_source=google&utm_campaign=brand-de&gclid=Cj0K",
            "test": "true",
        },
    )
    assert (sighting.kind, sighting.page, sighting.test) == (Kind.FORM, "/demo", True)
    assert sighting.campaign == Campaign(source="google", medium="", name="brand-de", click_id="gclid:Cj0K")
    assert sighting.traits == {"title": "Head of Ops"}
    assert sighting.person["company"] == "Example GmbH"


@pytest.mark.parametrize("body", [b"", b"\xff=1", b"&".join(b"a%d=1" % n for n in range(501))])
def test_a_form_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(Refused, match="form"):
        ask("/v1/in/formassembly", body)


def test_two_secrets_are_good_for_one_map_and_no_other() -> None:
    body = b'{"LeadId":"1","Email":"j@example.com"}'
    assert ask("/v1/in/microsoft", body, LEADSTREAM_MAP_SECRETS=f"microsoft:other,microsoft:{NEW}")
    with pytest.raises(Refused, match="set LEADSTREAM_MAP_SECRETS"):
        ask("/v1/in/microsoft", body, LEADSTREAM_MAP_SECRETS=f"calls:{NEW}")


BODY = '{"a":1,"note":"über"}'.encode()


def tiktok(
    body: bytes, *, at: float = NOW, secret: str = NEW, stamp: float = 0.0, header: str | None = None
) -> Request:
    """What TikTok signs; `stamp` = another instant in the header than was signed, `header` = what it has instead."""
    signed = hmac.new(secret.encode(), f"{int(at)}.".encode() + body, "sha256").hexdigest()
    shown = f"t={int(stamp or at)},s={signed}" if header is None else header
    return Request("POST", "/v1/in/tiktok", {"tiktok-signature": shown}, body, NOW)


@pytest.mark.parametrize("body", [BODY, b"", b"\xff"])
@pytest.mark.parametrize(("secret", "at"), [(NEW, NOW), (OLD, NOW), (NEW, NOW - 300), (NEW, NOW + 300)])
def test_a_map_lets_in_what_is_signed_with_either_secret_in_time(body: bytes, secret: str, at: float) -> None:
    asked, sent = Mapped(settings()), tiktok(body, at=at, secret=secret)
    asked.verify(sent)
    if body != BODY:
        with pytest.raises(Refused):
            asked.split(sent)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(tiktok(BODY)._replace(body=BODY.replace(b"1", b"2")), id="tampered"),
        pytest.param(tiktok(BODY, secret="another"), id="wrong secret"),
        pytest.param(tiktok(BODY, at=NOW - 301), id="stale"),
        pytest.param(tiktok(BODY, at=NOW + 301), id="future"),
        pytest.param(tiktok(BODY, stamp=NOW + 1), id="dated anew"),
        pytest.param(tiktok(BODY, header=""), id="missing"),
        pytest.param(tiktok(BODY, header="t=1795166104"), id="half of it"),
    ],
)
def test_a_map_lets_in_nothing_else(sent: Request) -> None:
    with pytest.raises(Refused) as refused:
        Mapped(settings()).verify(sent)
    assert refused.value.status == 401


def test_segments_own_webhooks_can_be_mapped_with_the_weak_signature_that_they_have(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    start, end = OWN.index("auth:"), OWN.index("kind:")
    file.write_text(OWN[:start] + "auth: {header: X-Signature, algorithm: sha1}\n" + OWN[end:])
    asked = Mapped(settings(LEADSTREAM_MAPS=str(file), LEADSTREAM_MAP_SECRETS="own:seg-secret-1"))
    known = {"x-signature": "4de32d4193b78837ee2bed17ad6af3647249f384"}
    sent = Request("POST", "/v1/in/own", known, BODY, NOW)
    asked.verify(sent)
    with pytest.raises(Refused):
        asked.verify(sent._replace(body=BODY + b" "))


@pytest.mark.parametrize(("count", "fits"), [(499, True), (500, True), (501, False)])
def test_a_request_may_hold_as_many_events_as_the_limit(count: int, fits: bool) -> None:
    body = json.dumps({"data": [{"lead_id": str(n), "email": "j@example.com"} for n in range(count)]}).encode()
    asked, sent = Mapped(settings()), Request("POST", "/v1/in/tiktok", {}, body, NOW)
    if fits:
        assert len(asked.split(sent)) == count
        return
    with pytest.raises(Refused) as refused:
        asked.split(sent)
    assert refused.value.status == 413


def test_the_same_event_has_the_same_id_in_whatever_company_it_comes() -> None:
    one, two = {"lead_id": "1", "email": "a@example.com"}, {"lead_id": "2", "email": "b@example.com"}
    asked = Mapped(settings())

    def ids(body: object) -> list[str]:
        sent = Request("POST", "/v1/in/tiktok", {}, json.dumps(body).encode(), NOW)
        return [part.event_id for part in asked.split(sent)]

    assert ids({"data": [one, two]}) == ids(one) + ids([two])
