"""SES over SNS: whose topic, whose certificate, whose host; and what is asked of us is not done at once."""

import json
from pathlib import Path

import pytest

from connectors.settings import SettingsError
from connectors.sources import Refused, Request, sns
from connectors.sources.ses import Ses
from tests.contract.sources.senders import NEW, TOPIC, amazon, request, settings, source

EVENT = {"eventType": "Open", "mail": {"timestamp": "2026-11-20T09:10:00Z", "destination": ["jane@example.com"]}}
NOTIFICATION = json.dumps({"Type": "Notification", "MessageId": "1", "Message": json.dumps(EVENT)}).encode()
ASKED = {"Type": "SubscriptionConfirmation", "MessageId": "2", "Message": "please", "Token": "t"}


def changed(sent: Request, **fields: str) -> Request:
    return sent._replace(body=json.dumps(json.loads(sent.body) | fields).encode())


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"TopicArn": TOPIC + "2"}, "unknown_topic"),
        ({"SigningCertURL": "https://sns.eu-central-1.amazonaws.com.evil.example/x.pem"}, "unknown_host"),
        ({"SigningCertURL": "http://sns.eu-central-1.amazonaws.com/x.pem"}, "unknown_host"),
        ({"SigningCertURL": "https://evil.example/sns.eu-central-1.amazonaws.com/"}, "unknown_host"),
        ({"SigningCertURL": "https://sns.eu-central-1.amazonaws.com@evil.example/"}, "unknown_host"),
        ({"Type": "Elsewhere"}, "unknown_type"),
        ({"SignatureVersion": "1"}, "invalid_signature"),
        ({"SignatureVersion": "3"}, "invalid_signature"),
        ({"Subject": "one more line"}, "invalid_signature"),
        ({"Signature": "not base64"}, "invalid_signature"),
    ],
)
def test_what_is_not_signed_for_our_topic_by_amazon_is_refused(fields: dict[str, str], code: str) -> None:
    with pytest.raises(Refused) as refused:
        source("ses").verify(changed(request("ses", NOTIFICATION), **fields))
    assert refused.value.code == code


def test_a_certificate_that_is_over_signs_nothing() -> None:
    sent = request("ses", NOTIFICATION, at=1_895_166_104.0)
    with pytest.raises(Refused) as refused:
        source("ses").verify(sent._replace(received_at=1_895_166_104.0))
    assert refused.value.code == "invalid_signature"


def test_a_subscription_that_is_to_be_confirmed_is_left_to_the_fetcher() -> None:
    asked = ASKED | {"SubscribeURL": "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription"}
    sent = request("ses", json.dumps(asked).encode())
    source("ses").verify(sent)
    [part] = source("ses").split(sent)
    assert (part.notice, part.endpoint) == (True, "subscription")


def test_a_host_is_amazons_by_all_of_its_name() -> None:
    assert sns.AMAZON.match("https://sns.eu-central-1.amazonaws.com/x")
    assert sns.AMAZON.match("https://sns.cn-north-1.amazonaws.com.cn/x")
    for other in (
        "https://sns.eu-central-1.amazonaws.com",
        "https://sns.eu-central-1.amazonaws.com:8080/x",
        "https://sns.eu.central.amazonaws.com/x",
        "https://s3.eu-central-1.amazonaws.com/x",
    ):
        assert not sns.AMAZON.match(other)


@pytest.mark.parametrize("content", [b"", b"no PEM"])
def test_a_certificate_that_is_none_stops_the_collector_at_its_start(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_bytes(content)
    for path in (tmp_path / "x.pem", tmp_path / "missing.pem"):
        with pytest.raises(SettingsError, match="LEADSTREAM_SNS_CERTIFICATES is wrong"):
            Ses(settings(LEADSTREAM_SNS_CERTIFICATES=f"{amazon(NEW)[1]},{path}"))
