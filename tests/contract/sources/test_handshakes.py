"""What senders ask before they send, and that no answer of ours can be put to another use."""

import json
from urllib.parse import quote, urlencode

import pytest

from connectors.sources import Refused, Reply, Request
from connectors.sources.linkedin_ads import LinkedInAds
from connectors.sources.meta_ads import MetaAds
from tests.contract.sources.senders import NOW, VERIFY_TOKEN, settings, strangers

CODE = "890e4665-4dfe-4ab1-b689-ed553bceeed0"


def linkedin(query: str, **environ: str) -> Reply:
    asked = LinkedInAds(settings(**environ))
    return asked.answer(Request("GET", "/v1/linkedin/leads", {}, b"", NOW, query))


def meta(**query: str) -> Reply:
    asked = urlencode({f"hub.{name}": value for name, value in query.items()})
    return MetaAds(settings()).answer(Request("GET", "/v1/meta/leads", {}, b"", NOW, asked))


def test_linkedins_challenge_gets_the_known_answer() -> None:
    reply = linkedin(f"challengeCode={CODE}&applicationId=7", LEADSTREAM_LINKEDIN_SECRETS="li-secret-1,li-secret-0")
    assert json.loads(reply.body) == {
        "challengeCode": CODE,
        "challengeResponse": "05ce52f4ff19caa1ee69738b537515f3c7b8cbe0ffb5db4527555d5d348c9969",
    }
    assert (reply.status, reply.content_type) == (200, "application/json")


@pytest.mark.parametrize(
    "code",
    [
        'hmacsha256={"type":"LEAD_ACTION"}',
        f"hmacsha256={CODE}",
        f"{CODE}\n",
        f"{CODE}x",
        CODE.replace("-", ""),
        f"{{{CODE}}}",
        "\uff1890e4665-4dfe-4ab1-b689-ed553bceeed0",
        "",
    ],
)
def test_nothing_but_a_uuid_is_signed_so_nobody_can_have_a_notice_signed(code: str) -> None:
    with pytest.raises(Refused) as refused:
        linkedin(f"challengeCode={quote(code)}")
    assert (refused.value.status, refused.value.code) == (400, "invalid_challenge")


def test_what_a_challenge_was_answered_with_signs_no_notice() -> None:
    answer = json.loads(linkedin(f"challengeCode={CODE}").body)["challengeResponse"]
    for body in (CODE.encode(), f'"{CODE}"'.encode()):
        with pytest.raises(Refused):
            LinkedInAds(settings()).verify(Request("POST", "/", {"x-li-signature": answer}, body, NOW))


def test_metas_challenge_comes_back_as_plain_text() -> None:
    reply = meta(mode="subscribe", challenge="1158201444", verify_token=VERIFY_TOKEN)
    assert reply == Reply(200, b"1158201444", "text/plain")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"mode": "subscribe", "challenge": "1", "verify_token": "guess"}, 403),
        ({"mode": "subscribe", "challenge": "1"}, 403),
        ({"mode": "unsubscribe", "challenge": "1", "verify_token": VERIFY_TOKEN}, 403),
        ({"mode": "subscribe", "verify_token": VERIFY_TOKEN}, 400),
        ({"mode": "subscribe", "challenge": "<script>", "verify_token": VERIFY_TOKEN}, 400),
        ({"mode": "subscribe", "challenge": "1" * 129, "verify_token": VERIFY_TOKEN}, 400),
    ],
)
def test_another_question_gets_no_answer(query: dict[str, str], status: int) -> None:
    with pytest.raises(Refused) as refused:
        meta(**query)
    assert refused.value.status == status


@pytest.mark.parametrize("kind", [MetaAds, LinkedInAds])
def test_without_a_secret_set_no_question_is_answered(kind: type[MetaAds] | type[LinkedInAds]) -> None:
    with pytest.raises(Refused, match="set LEADSTREAM_"):
        kind(strangers()).answer(Request("GET", kind.paths[0], {}, b"", NOW, f"challengeCode={CODE}"))


def test_a_query_of_endless_fields_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        linkedin("&".join(f"a{n}=1" for n in range(50)))
    assert refused.value.status == 400
