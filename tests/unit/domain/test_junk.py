"""Verdicts: what speaks against a person, what never does, and how many forms are too many."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.quarantine import Crowd
from schemas.records import Channel, Kind, OutcomeKind
from schemas.sighting import Sighting, Sign
from streams.domain.crowds import ROOM, count, counted
from streams.domain.identity import known
from streams.domain.junk import Judge, verdict
from tests.builders import NOON, sighting

BROWSER = "Mozilla/5.0 (X11; Linux x86_64) Chrome/131.0"
JUDGE = Judge(
    crawler=lambda agent: "Googlebot" in agent or "python-requests" in agent,
    hosting=lambda network: network == "93.184.216.0",
    disposable=lambda domain: domain == "mailinator.com",
    network_forms=6,
    visitor_forms=3,
)


def said(agent: str = BROWSER, ip: str = "203.0.113.0", **changed: Any) -> Sighting:
    return sighting(**{"visitor": "anon", "person": {"user_agent": agent, "ip": ip}, **changed})


def signs(event: Sighting, judge: Judge = JUDGE, crowd: Crowd | None = None) -> tuple[Sign, ...]:
    return verdict(event, known(event.identifiers), crowd, ("v-1", str), at=NOON, judge=judge)[1]


@pytest.mark.parametrize(
    ("event", "due"),
    [
        (said(), ()),
        (said("Mozilla/5.0 (compatible; Googlebot/2.1)"), (Sign.CRAWLER,)),
        (said("Googlebot-Image/1.0"), (Sign.CRAWLER,)),
        (said("python-requests/2.32"), ()),  # a site's own server
        (said(ip="93.184.216.0"), (Sign.HOSTING,)),
        (said("analytics-python/2.3", ip="93.184.216.0"), ()),  # a site's own server, which is hosted
        (said(email="jane@mailinator.com"), (Sign.DISPOSABLE,)),
        (said(email="info@mailinator.com"), (Sign.DISPOSABLE,)),
        (said(channel=Channel.AD, kind=Kind.AD_LEAD, email="jane@mailinator.com"), (Sign.DISPOSABLE,)),
        (said(email="jane@example.com", person={"name": "asdf asdf"}), (Sign.MADE_UP,)),
        (said(email="qwerty1@example.com"), (Sign.MADE_UP,)),
        (said(person={"first_name": "Win", "last_name": "https://casino.example"}), (Sign.LINKS,)),
        (said(said="[url=https://casino.example]win[/url]"), (Sign.LINKS,)),
        (said(said="We looked at https://shop.example/pricing: do you ship to Norway?"), ()),
        (said(signs=(Sign.HONEYPOT, Sign.TOO_QUICK)), (Sign.HONEYPOT, Sign.TOO_QUICK)),
        (
            said("Mozilla/5.0 Googlebot", ip="93.184.216.0", signs=(Sign.HONEYPOT,)),
            (Sign.HONEYPOT, Sign.CRAWLER, Sign.HOSTING),
        ),
    ],
)
def test_each_sign_is_named_and_a_sites_own_servers_have_none(event: Sighting, due: tuple[Sign, ...]) -> None:
    assert signs(event) == due


@pytest.mark.parametrize(
    "event",
    [
        said(channel=Channel.EMAIL, kind=Kind.EMAIL_CLICK, email="jane@mailinator.com"),
        said(kind=Kind.UNSUBSCRIBE, email="jane@mailinator.com", signs=(Sign.HONEYPOT,)),
        said(kind=Kind.ERASURE, email="jane@mailinator.com"),
        said(channel=Channel.CRM, kind=Kind.CONTACT, email="jane@mailinator.com", outcome=OutcomeKind.WON),
    ],
    ids=["mail", "unsubscribing", "erasure", "outcome"],
)
def test_what_must_arrive_is_not_judged(event: Sighting) -> None:
    assert signs(event) == ()


@pytest.mark.parametrize("sign", Sign)
def test_a_sign_that_is_not_heeded_holds_nothing_back(sign: Sign) -> None:
    everything = said("Mozilla/5.0 Googlebot", ip="93.184.216.0", email="a@mailinator.com", signs=(Sign.HONEYPOT,))
    assert sign not in signs(everything, JUDGE._replace(heeded=frozenset(Sign) - {sign}))


def forms(times: list[float], ip: str, visitors: int = 1, agent: str = BROWSER) -> list[int]:
    """Send a form at each of these times; return which of them had too many before them."""
    crowd, held = None, []
    for number, at in enumerate(times):
        event = said(agent, ip, kind=Kind.FORM)
        named = f"v-{number % visitors}", str
        crowd, found = verdict(event, known(event.identifiers), crowd, named, at=at, judge=JUDGE)
        if found:
            assert found == (Sign.VELOCITY,)
            held.append(number)
    return held


def test_more_forms_in_an_hour_than_allowed_are_held_and_the_next_hour_begins_anew() -> None:
    start = NOON // 3600 * 3600
    assert forms([start] * 5 + [start + 3600] * 4, "10.0.0.0") == [3, 4, 8]
    assert forms([start] * 9, "8.8.8.0", visitors=9) == [6, 7, 8]


@pytest.mark.parametrize(("ip", "agent"), [("10.0.0.0", BROWSER), ("", BROWSER), ("8.8.8.0", "shop-server/1.0")])
def test_a_private_network_and_a_sites_server_are_never_too_many(ip: str, agent: str) -> None:
    assert forms([NOON] * 9, ip, visitors=9, agent=agent) == []


@given(st.lists(st.tuples(st.integers(0, 2 * ROOM), st.integers(0, 2)), max_size=600))
def test_a_count_is_never_too_high_and_the_row_never_too_long(sent: list[tuple[int, int]]) -> None:
    crowd, true, hour = None, dict[str, int](), -1
    for name, at in sent:
        crowd = counted(crowd, str(name), at * 3600.0)
        if at > hour:
            hour, true = at, {}
        if at == hour:
            true[str(name)] = true.get(str(name), 0) + 1
        assert len(crowd.counts) <= ROOM
        assert all(found <= true[it] for it, found in crowd.counts.items())
    assert crowd is None or min(true[it] - count(crowd, it) for it in true) >= 0


def test_of_many_networks_the_one_that_sends_most_is_found() -> None:
    crowd = None
    for number in range(3_000):
        for name in (f"n-{number}", *(["spammer"] if number % 3 == 0 else [])):
            crowd = counted(crowd, name, NOON)
    assert 1_000 - 4_000 // (ROOM + 1) <= count(crowd, "spammer") <= 1_000


def test_a_late_form_changes_nothing() -> None:
    rows = [counted(None, "n-1", NOON)]
    rows.append(counted(rows[0], "n-1", NOON - 7200))
    assert all(before is after for before, after in pairwise(rows))
