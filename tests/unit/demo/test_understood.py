"""What the demo sends is what our sources understand: each event is read by its adapter, or fails as announced."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from publicsuffixlist import PublicSuffixList

from connectors.settings import CollectorSettings
from connectors.sources import SOURCES, Refused, Request, Source
from connectors.wrapping import wrapped
from schemas.records import Kind
from schemas.rejected import Rejected
from schemas.sighting import Sighting
from streams.demo.files import timeline as replayed
from streams.demo.generator import timeline
from streams.demo.senders import Keys, dressed, sendgrid_key
from streams.demo.sends import Event, request
from streams.domain.identity import account_of, known

NOW = 1_790_000_000.0
PRIVATE, PUBLIC = sendgrid_key()
KEYS = Keys("write", "outcomes", "google", PRIVATE)
SETTINGS = CollectorSettings.read(
    {
        "KAFKA_BOOTSTRAP_SERVERS": "nowhere:1",
        "LEADSTREAM_PEPPER": "sixteen bytes or more",
        "LEADSTREAM_WRITE_KEYS": "site:write",
        "LEADSTREAM_CRM_KEYS": "crm:outcomes",
        "LEADSTREAM_GOOGLE_KEY": "google",
        "LEADSTREAM_SENDGRID_PUBLIC_KEY": PUBLIC,
    }
)
ROUTES: dict[str, Source] = {
    path: source for kind in SOURCES.values() for source in [kind(SETTINGS)] for path in kind.paths
}


def sightings(event: Event) -> Iterator[Sighting]:
    """Send one event through its door, as the collector would, and read it as resolve would."""
    send = request([event])
    body, headers = dressed(send, KEYS, NOW)
    source = ROUTES[send.path]
    asked = Request("POST", send.path, headers, body, NOW)
    source.verify(asked)
    for part in source.split(asked):
        assert not part.problem
        yield source.adapt(wrapped(source.name, part, NOW))


@pytest.fixture(scope="module")
def month() -> list[Event]:
    return timeline(5, 2000, NOW)


def test_every_sound_event_is_understood_and_keeps_its_id_and_time(month: list[Event]) -> None:
    for event in month:
        if event.fault in ("", "duplicate"):
            (sighting,) = sightings(event)
            known(sighting.identifiers)
            assert sighting.id == event.id
            assert sighting.occurred_at <= event.at + 1e-3


@pytest.mark.parametrize("fault", ["unparseable", "missing_id", "junk_id"])
def test_a_broken_event_fails_as_announced(month: list[Event], fault: str) -> None:
    broken = [event for event in month if event.fault == fault]
    assert broken
    for event in broken:
        with pytest.raises((Refused, Rejected)):
            known(next(sightings(event)).identifiers)


def test_wrong_clocks_are_years_away(month: list[Event]) -> None:
    for fault, sign in (("future", 1), ("ancient", -1)):
        away = [sign * (next(sightings(event)).occurred_at - NOW) for event in month if event.fault == fault]
        assert away
        assert min(away) > 3 * 365 * 86_400


def test_all_that_the_model_may_see_is_there(month: list[Event]) -> None:
    kinds = Counter(s.kind for event in month if not event.fault for s in sightings(event))
    assert kinds.keys() >= {
        Kind.PAGE,
        Kind.PRICING,
        Kind.DOCS,
        Kind.DEMO_REQUEST,
        Kind.AD_LEAD,
        Kind.IDENTIFY,
        Kind.GROUP,
        Kind.EMAIL_DELIVERED,
        Kind.EMAIL_OPEN,
        Kind.EMAIL_CLICK,
        Kind.UNSUBSCRIBE,
    }


def test_people_of_one_company_share_an_account(month: list[Event]) -> None:
    suffixes = PublicSuffixList()
    emails = {s.identifiers.email for event in month if event.kind == "identify" for s in sightings(event)}
    accounts = Counter(account_of(email, lambda host: suffixes.privatesuffix(host) or "") for email in emails)
    assert "" not in accounts
    assert max(accounts.values()) > 1


def test_replayed_rows_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("0,0,1,5.5,3,64,0,0.1,7.5,0,Feb,2,2,1,2,Returning_Visitor,FALSE,TRUE\n" * 3)
    found = [sighting for event in replayed(path, 0, NOW, "x") for sighting in sightings(event)]
    assert sum(s.outcome is not None for s in found) == 3
    assert all(known(s.identifiers) for s in found)
