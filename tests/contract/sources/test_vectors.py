"""Known answers: signatures that were computed elsewhere are let in, and nothing that is one byte off."""

from hashlib import sha1

import pytest

from connectors.sources import SOURCES, Refused, Request
from connectors.sources.signing import fits
from tests.contract.sources.senders import settings

BODY = '{"a":1,"note":"über"}'.encode()
AT = 1_700_000_000.0
TOKEN = "0123456789abcdef0123456789abcdef0123456789abcdef01"
MAILGUN = (
    b'{"signature":{"timestamp":"1700000000","token":"%s","signature":"6e3c8172f440dc1905ad46a3f8679fd99d59b8a3140e2ebd'
    b'4ca4a15e34d17b84"},"event-data":{}}' % TOKEN.encode()
)
LINKEDIN = "75d546cec6fc947db5080b3934901b59de379792e99e1b1b8f2b661ac536e3a9"

VECTORS = {
    "meta": (
        "meta_ads",
        {"LEADSTREAM_META_SECRETS": "app-secret-1"},
        {"x-hub-signature-256": "sha256=80f453b92fe1862aef1589d5a89650aecccee665d8c68b6435d91f9a92a45caf"},
        BODY,
    ),
    "linkedin": ("linkedin_ads", {"LEADSTREAM_LINKEDIN_SECRETS": "li-secret-1"}, {"x-li-signature": LINKEDIN}, BODY),
    "linkedin, with its prefix": (
        "linkedin_ads",
        {"LEADSTREAM_LINKEDIN_SECRETS": "li-secret-1"},
        {"x-li-signature": f"hmacsha256={LINKEDIN}"},
        BODY,
    ),
    "mailgun": ("mailgun", {"LEADSTREAM_MAILGUN_KEYS": "mg-key-1"}, {}, MAILGUN),
    "typeform": (
        "typeform",
        {"LEADSTREAM_TYPEFORM_SECRETS": "tf-secret-1"},
        {"typeform-signature": "sha256=jirMUoYDGAZ0fkXO0CxyELcGB4VrPM+ZCz2G/RDrTfU="},
        BODY,
    ),
    "calendly": (
        "calendly",
        {"LEADSTREAM_CALENDLY_KEYS": "cal-key-1"},
        {
            "calendly-webhook-signature": "t=1700000000,"
            "v1=bd3e0eee09a98f16d81e1eebd8825e984d3a84125e2b93faa75bb13731e1943c"
        },
        BODY,
    ),
    "tiktok": (
        "mapped",
        {"LEADSTREAM_MAP_SECRETS": "tiktok:tt-secret-1"},
        {"tiktok-signature": "t=1700000000,s=1fd95c6339091b32491e43d1a8c832d2bc93a91209b41ca8505106222183de6f"},
        BODY,
    ),
    "hubspot": (
        "hubspot",
        {
            "LEADSTREAM_HUBSPOT_SECRETS": "hs-secret-1",
            "LEADSTREAM_HUBSPOT_URL": "https://leads.example.com/in/hubspot",
        },
        {
            "x-hubspot-signature-v3": "av2V5u9DYfD1QCMHKaSHReMG3iTCx74KyL3zs0BkybQ=",
            "x-hubspot-request-timestamp": "1700000000000",
        },
        BODY,
    ),
}


@pytest.mark.parametrize("case", VECTORS)
def test_a_known_signature_is_let_in_and_with_another_secret_or_date_it_is_not(case: str) -> None:
    name, configured, headers, body = VECTORS[case]
    path = f"/v1/in/{case}" if name == "mapped" else SOURCES[name].paths[0]
    sent = Request("POST", path, headers, body, AT)
    SOURCES[name](settings(**configured)).verify(sent)
    with pytest.raises(Refused, match="does not fit"):
        SOURCES[name](settings()).verify(sent)
    changed = {header: value.replace("7", "8").replace("Y", "Z") for header, value in headers.items()}
    with pytest.raises(Refused):
        SOURCES[name](settings(**configured)).verify(
            sent._replace(headers=changed, body=body.replace(b"17000", b"17001").replace(b'"a"', b'"b"'))
        )


@pytest.mark.parametrize(
    ("secret", "message", "algorithm", "answer"),
    [
        (b"seg-secret-1", BODY, "sha1", "4de32d4193b78837ee2bed17ad6af3647249f384"),
    ],
    ids=["Segment's own webhooks"],
)
def test_a_known_answer_is_ours_too(secret: bytes, message: bytes, algorithm: str, answer: str) -> None:
    assert fits([b"another", secret], message, bytes.fromhex(answer), algorithm)
    assert not fits([secret], message + b" ", bytes.fromhex(answer), algorithm)
    assert not fits([secret], message, sha1(message).digest(), algorithm)
