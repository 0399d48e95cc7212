"""Quarantine on a broker: a trapped form waits, is shown without what is personal, and once released counts once."""

import json

import pytest
from typer.testing import CliRunner, Result

from connectors.sources.contract import Part
from connectors.sources.segment import Segment
from schemas.quarantine import Quarantined
from schemas.records import RawEvent
from schemas.topics import EVENTS_WEB, QUARANTINE
from streams.cli import app
from streams.engine.fold import Fold
from streams.runtime.handle import BrokerHandle
from tests.pipeline import landed
from tests.traffic import received, settings
from tests.wires import connected, ends, send
from tests.worker import pipeline

TRAPPED = {
    "type": "track",
    "event": "Form Submitted",
    "properties": {"trap": True, "elapsed_ms": 120, "email": "jane@example.com"},
    "context": {"traits": {"email": "jane@example.com"}},
}


@pytest.fixture
def environ(broker: BrokerHandle) -> dict[str, str]:
    return connected(broker)


@pytest.fixture
def held(environ: dict[str, str], topic_prefix: str) -> Quarantined:
    """A form with a filled honeypot, as resolve holds it; it came twice, and lies in quarantine twice."""
    body = json.dumps(TRAPPED | {"messageId": topic_prefix, "anonymousId": f"{topic_prefix}anon"}).encode()
    (emit,) = Fold(pipeline()[0]).apply(0, first_home(Part(topic_prefix, "track", "v-none", body)))
    assert isinstance(emit.record, Quarantined)
    send(environ, QUARANTINE, (emit.key, emit.record), (emit.key, emit.record), ("garbled", b"\0\0"), ("gone", None))
    return emit.record


def first_home(part: Part) -> RawEvent:
    """The event under its right key, as resolve has moved it there."""
    (emit,) = Fold(pipeline()[0]).apply(0, received(Segment(settings()), part).record)
    assert isinstance(emit.record, RawEvent)
    return emit.record


def run(environ: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(app, ["quarantine", *arguments], env=environ)


def listed(environ: dict[str, str], *arguments: str) -> dict[str, list[str]]:
    said = run(environ, "list", "--json", "--limit", "1000", *arguments)
    assert said.exit_code == 0, said.stderr
    return {one["id"]: one["signs"] for one in json.loads(said.stdout)["events"]}


def test_what_waits_is_listed_once_with_its_signs_and_nothing_personal(
    environ: dict[str, str], held: Quarantined
) -> None:
    assert listed(environ)[held.id] == ["honeypot", "too_quick"]
    assert held.id in listed(environ, "--sign", "too_quick", "--source", "segment")
    assert held.id not in listed(environ, "--sign", "crawler") | listed(environ, "--source", "ga4")
    shown, revealed = run(environ, "show", held.id), run(environ, "show", held.id, "--reveal")
    assert "honeypot" in shown.stdout
    assert "jane" not in shown.stdout + run(environ, "list").stdout
    assert "jane@example.com" in revealed.stdout


def test_a_released_event_is_applied_once_however_often_it_is_released(
    environ: dict[str, str], broker: BrokerHandle, held: Quarantined
) -> None:
    before = {(spot.topic, spot.partition): spot.offset for spot in ends(environ, EVENTS_WEB)}
    assert json.loads(run(environ, "release", "--id", held.id, "--dry-run", "--json").stdout)["released"]
    assert held.id in listed(environ)
    for due in (1, 0):
        said = json.loads(run(environ, "release", "--id", held.id, "--json").stdout)
        assert sum(said["released"].values()) == due
        assert held.id not in listed(environ)
    sent = [one.record for one in landed(broker.bootstrap, EVENTS_WEB, since=before)]
    mine = [one for one in sent if isinstance(one, RawEvent) and one.event_id == held.event.event_id]
    assert [one.released for one in mine] == [True]
    resolve, qualify = (Fold(agent) for agent in pipeline()[:2])
    for _ in range(2):  # a release that was interrupted before it was noted is done again
        for emit in resolve.apply(0, mine[0]):
            for more in qualify.apply(0, emit.record):
                qualify.apply(0, more.record)
    assert resolve.fates == {"touchpoint": 2}
    assert (qualify.fates["applied"], qualify.fates["deduplicated"]) == (1, 1)


def test_a_release_of_everything_must_be_asked_for_and_a_sign_be_one(environ: dict[str, str]) -> None:
    bare, odd, missing = run(environ, "release"), run(environ, "list", "--sign", "ugly"), run(environ, "show", "nosuch")
    assert (bare.exit_code, odd.exit_code, missing.exit_code) == (2, 2, 1)
    assert "--all" in bare.stderr
    assert "there are honeypot" in odd.stderr
    assert "no event nosuch" in missing.stderr
