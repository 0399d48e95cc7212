"""Google's lead form: the key inside the body, and answers that Google understands."""

import json

import pytest

from connectors.sources import Refused
from connectors.sources.google_ads import GoogleAds
from schemas.rejected import Reason, Rejected
from tests.contract.sources.senders import GOOGLE_KEY, request, source, stored


def lead(**fields: object) -> bytes:
    column = {"column_id": "EMAIL", "string_value": "jane@example.com"}
    return json.dumps({"lead_id": "l-1", "google_key": GOOGLE_KEY, "user_column_data": [column], **fields}).encode()


@pytest.mark.parametrize("key", ["", "wrong", GOOGLE_KEY + " ", GOOGLE_KEY.upper(), "ключ"])
def test_a_wrong_key_is_a_400_which_google_does_not_repeat(key: str) -> None:
    with pytest.raises(Refused) as refused:
        source("google_ads").verify(request("google_ads", lead(google_key=key), headers={}))
    assert (refused.value.status, refused.value.code) == (400, "invalid_google_key")


def test_a_body_that_cannot_be_read_is_a_400() -> None:
    for body in (b"", b"{", b'{"google_key":7}', b"[]"):
        with pytest.raises(Refused) as refused:
            source("google_ads").verify(request("google_ads", body, headers={}))
        assert refused.value.status == 400


def test_a_lead_without_an_id_is_refused() -> None:
    with pytest.raises(Refused, match="lead_id"):
        source("google_ads").split(request("google_ads", lead(lead_id=None)))


def test_int64_ids_stay_exact() -> None:
    [part] = source("google_ads").split(request("google_ads", lead(campaign_id=(1 << 63) - 1)))
    assert GoogleAds.adapt(stored("google_ads", part)).campaign.name == "9223372036854775807"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"user_column_data": []}, Reason.MISSING_ID),
        ({"lead_submit_time": "soon"}, Reason.INVALID_VALUE),
        ({"user_column_data": "EMAIL"}, Reason.INVALID_VALUE),
        ({"is_test": "yes"}, Reason.INVALID_VALUE),
        ({"lead_id": ""}, Reason.MISSING_ID),
    ],
)
def test_what_cannot_be_used_says_why(fields: dict[str, object], reason: Reason) -> None:
    [part] = source("google_ads").split(request("google_ads", lead()))
    with pytest.raises(Rejected) as rejected:
        GoogleAds.adapt(stored("google_ads", part._replace(body=lead(**fields))))
    assert rejected.value.reason == reason
