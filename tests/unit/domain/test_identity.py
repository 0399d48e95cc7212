"""Whose an identifier is, and whose it cannot be."""

import pytest

from schemas.keys import rank
from schemas.rejected import Reason, Rejected
from schemas.sighting import Identifiers
from streams.domain.identity import Ids, account_of, email, known, token

JUNK = ["null", "None", "NaN", "nil", "0", "-", "00-00", "-1", "undefined", "true", "false", "guest", "anonymous",
        "[object Object]", "test"]  # fmt: skip


@pytest.mark.parametrize("text", JUNK)
def test_an_identifier_that_stands_for_nobody_is_refused_as_junk(text: str) -> None:
    with pytest.raises(Rejected) as caught:
        known(Identifiers(visitor=text, user=text))
    assert caught.value.reason is Reason.JUNK_ID


def test_an_event_without_any_identifier_is_refused_as_missing_one() -> None:
    with pytest.raises(Rejected) as caught:
        known(Identifiers())
    assert caught.value.reason is Reason.MISSING_ID


def test_junk_beside_a_good_identifier_is_left_aside() -> None:
    who = known(Identifiers(visitor="0", email="jane@example.com"))
    assert (who.visitor, who.email) == ("", "jane@example.com")


@pytest.mark.parametrize(
    "text", ["test@example.com", "null@example.com", "a@b", "a b@example.com", "@example.com", "x"]
)
def test_an_address_that_is_none_is_not_used(text: str) -> None:
    assert email(text) == ""


def test_an_address_is_the_same_person_however_it_is_written() -> None:
    ids = Ids(b"pepper")
    leads = {
        ids.person(known(Identifiers(email=text)))
        for text in ("Jane@Example.com", " jane@example.COM.", "jane@example.com")
    }
    assert len(leads) == 1


def test_a_user_id_that_is_an_address_is_that_person() -> None:
    who = known(Identifiers(user="jane@example.com"))
    assert (who.user, who.email) == ("", "jane@example.com")


def test_a_user_id_keeps_its_case_because_the_customer_may_mean_it() -> None:
    assert token("aB") != token("ab")


def test_the_same_value_is_another_id_as_another_kind_or_under_another_pepper() -> None:
    who = known(Identifiers(visitor="42", user="42"))
    ids, other = Ids(b"pepper"), Ids(b"salt")
    assert len({ids.visitor(who)[2:], ids.user(who)[2:], other.visitor(who)[2:], other.user(who)[2:]}) == 4
    assert rank(ids.visitor(who)) < rank(ids.user(who))


@pytest.mark.parametrize("given", ["Jane", "e-123", "e-" + "g" * 24, "x-" + "0" * 24])
def test_a_lead_id_that_is_none_of_ours_is_junk(given: str) -> None:
    with pytest.raises(Rejected) as caught:
        known(Identifiers(lead=given))
    assert caught.value.reason is Reason.JUNK_ID


@pytest.mark.parametrize(
    ("address", "account"),
    [("jane@eu.example.com", "example.com"), ("jane@gmail.com", ""), ("jane@mail.gmail.com", ""), ("", "")],
)
def test_an_account_is_a_registrable_business_domain(address: str, account: str) -> None:
    assert account_of(address, lambda domain: ".".join(domain.split(".")[-2:])) == account
