"""Signatures against vectors computed elsewhere, and against the receivers' own library."""

import json
import time

import pytest
from standardwebhooks.webhooks import Webhook

from connectors.sinks.signature import BadSecretError, Secret, sign

OLD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEW = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


@pytest.mark.parametrize(
    ("secret", "webhook_id", "timestamp", "body", "signature"),
    [
        (
            OLD,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1614265330,
            b'{"test": 2432232314}',
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
        (
            NEW,
            "msg_01HZX",
            1700000000,
            '{"a":1,"note":"über"}'.encode(),
            "v1,fmoOkzItYqePTXsopVYhuc9LiKdMwGS5muT0WSLVkbA=",
        ),
    ],
    ids=["the reference library's vector", "beyond ASCII"],
)
def test_known_answers_hold(secret: str, webhook_id: str, timestamp: int, body: bytes, signature: str) -> None:
    assert sign((Secret.parse(secret),), webhook_id, timestamp, body) == signature


@pytest.mark.parametrize("held", [OLD, NEW], ids=["old secret", "new secret"])
def test_while_secrets_rotate_a_receiver_with_either_accepts(held: str) -> None:
    now, body = int(time.time()), b'{"type":"lead.routed"}'
    headers = {
        "webhook-id": "d1",
        "webhook-timestamp": str(now),
        "webhook-signature": sign((Secret.parse(NEW), Secret.parse(OLD)), "d1", now, body),
    }
    assert Webhook(held).verify(body, headers) == json.loads(body)


@pytest.mark.parametrize("text", ["whsec_", "whsec_c2hvcnQ=", "whsec_not base64!", "whsec_" + "A" * 120])
def test_a_secret_that_is_none_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(BadSecretError) as error:
        Secret.parse(text)
    assert text.removeprefix("whsec_") == "" or text.removeprefix("whsec_") not in str(error.value)


def test_a_secret_is_quiet_when_printed() -> None:
    assert repr(Secret.parse(OLD)) == "Secret()"
