"""Mailgun does not sign its events, only a token: it is good for one body."""

import json

import pytest

from connectors.sources import Refused
from tests.contract.sources.senders import request, source

WEBHOOK = json.dumps({"signature": {}, "event-data": {"event": "clicked", "id": "1", "recipient": "jane@example.com"}})


def test_a_token_that_was_seen_is_good_for_its_repeats_and_for_no_other_event() -> None:
    mailgun, sent = source("mailgun"), request("mailgun", WEBHOOK.encode())
    mailgun.verify(sent)
    mailgun.verify(sent)
    for forged in (sent.body.replace(b"jane@", b"joan@"), sent.body.replace(b"clicked", b"complained")):
        with pytest.raises(Refused) as refused:
            mailgun.verify(sent._replace(body=forged))
        assert refused.value.status == 401


def test_a_token_that_was_refused_is_not_spent() -> None:
    mailgun, sent = source("mailgun"), request("mailgun", WEBHOOK.encode())
    stale = sent._replace(received_at=sent.received_at + 1e6, body=sent.body.replace(b"jane@", b"joan@"))
    with pytest.raises(Refused, match="further than"):
        mailgun.verify(stale)
    mailgun.verify(sent)


def test_the_signature_is_not_stored() -> None:
    sent = request("mailgun", WEBHOOK.encode())
    [part] = source("mailgun").split(sent)
    assert json.loads(part.body) == json.loads(WEBHOOK)["event-data"]
