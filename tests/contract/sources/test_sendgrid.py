"""SendGrid's signature: the published vector, and every way to get it wrong."""

import base64

import pytest

from connectors.settings import SettingsError
from connectors.sources import Refused, Request
from connectors.sources.sendgrid import SendGrid
from schemas.rejected import Reason, Rejected
from tests.contract.sources.senders import NOW, request, settings, source, stored

KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEUt89DvUCYuvn5ljBih734Bt/LwBePCzjlHggeZjPW3sNZCWd7vFnZPTiY0+5pO+p5e9G3/R4o3dC"
    "EIERiAl91g=="
)
SIGNATURE = "MEUCIQDrUOFJNvRB1m3DprTkxfN2i4hGCLtVR49BSBaUD+xfHwIgWy2tVstJM5DCMXy3JRDaq0bStF3IJuOOZyC3wBeFIQw="
BODY = b'[{"email":"jane.doe@example.com","event":"open","sg_event_id":"e1","timestamp":1699999990}]'
AT = 1_700_000_000.0


def known(body: bytes = BODY, timestamp: str = "1700000000", signature: str = SIGNATURE, at: float = AT) -> Request:
    headers = {
        "x-twilio-email-event-webhook-signature": signature,
        "x-twilio-email-event-webhook-timestamp": timestamp,
    }
    return Request("POST", "/v1/sendgrid/events", headers, body, at)


@pytest.fixture
def sendgrid() -> SendGrid:
    return SendGrid(settings(LEADSTREAM_SENDGRID_PUBLIC_KEY=KEY))


def test_the_known_answer_is_let_in(sendgrid: SendGrid) -> None:
    sendgrid.verify(known())


@pytest.mark.parametrize(
    "forged",
    [
        known(body=BODY[:-1] + b" ]"),
        known(body=b""),
        known(timestamp="1700000001"),
        known(timestamp=""),
        known(signature=""),
        known(signature="not base64"),
        known(signature=SIGNATURE[:-4]),
        known(signature=base64.b64encode(b"\x30\x00").decode()),
        Request("POST", "/v1/sendgrid/events", {}, BODY, AT),
    ],
    ids=["tampered", "empty", "re-dated", "no date", "no signature", "no base64", "cut off", "no numbers", "bare"],
)
def test_what_does_not_fit_the_signature_is_refused(sendgrid: SendGrid, forged: Request) -> None:
    with pytest.raises(Refused) as refused:
        sendgrid.verify(forged)
    assert (refused.value.status, refused.value.code) == (401, "invalid_signature")


def test_another_key_is_refused(sendgrid: SendGrid) -> None:
    body = b"[]"
    with pytest.raises(Refused, match="does not fit"):
        sendgrid.verify(request("sendgrid", body))


@pytest.mark.parametrize(("skew", "fits"), [(3599, True), (3600, True), (3601, False), (-3600, True), (-3601, False)])
def test_a_true_signature_is_good_for_an_hour(sendgrid: SendGrid, skew: float, fits: bool) -> None:
    if fits:
        sendgrid.verify(known(at=AT + skew))
        return
    with pytest.raises(Refused) as refused:
        sendgrid.verify(known(at=AT + skew))
    assert refused.value.code == "stale_signature"


@pytest.mark.parametrize("key", ["x", KEY[:-8], base64.b64encode(b"no key").decode()])
def test_a_key_that_is_none_stops_the_collector_at_its_start(key: str) -> None:
    with pytest.raises(SettingsError, match="LEADSTREAM_SENDGRID_PUBLIC_KEY is wrong"):
        SendGrid(settings(LEADSTREAM_SENDGRID_PUBLIC_KEY=key))


def test_what_sendgrid_has_signed_is_kept_even_where_it_cannot_be_used() -> None:
    parts = source("sendgrid").split(request("sendgrid", b'[7,{"email":"\xff"},{"a":' + b"[" * 99 + b"]" * 99 + b"}]"))
    assert [part.problem for part in parts] == ["", "", ""]
    for part in parts:
        with pytest.raises(Rejected):
            SendGrid.adapt(stored("sendgrid", part))


def test_an_empty_array_is_fine() -> None:
    assert source("sendgrid").split(request("sendgrid", b"[]")) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"event":"opened","timestamp":1,"email":"a@b.c"}', Reason.UNKNOWN_TYPE),
        (b'{"event":"open","timestamp":1}', Reason.MISSING_ID),
        (b'{"event":"open","timestamp":1,"lead_id":"L-77"}', Reason.MISSING_ID),
        (b'{"event":"open","email":"a@b.c"}', Reason.INVALID_VALUE),
        (b'{"event":"open","timestamp":"now","email":"a@b.c"}', Reason.INVALID_VALUE),
        (b'{"event":"open","timestamp":NaN,"email":"a@b.c"}', Reason.UNPARSEABLE),
    ],
)
def test_what_cannot_be_used_says_why(body: bytes, reason: Reason) -> None:
    part = source("sendgrid").split(request("sendgrid", b"[{}]"))[0]
    with pytest.raises(Rejected) as rejected:
        SendGrid.adapt(stored("sendgrid", part._replace(body=body), NOW))
    assert rejected.value.reason == reason
