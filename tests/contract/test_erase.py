"""`leadstream erase` on a broker: who is named, what is sent for it, and that nothing is sent by halves."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from connectors.controls import State, Told, tell
from connectors.settings import Connection
from schemas.keys import pseudonym
from schemas.records import Kind, LeadProfile, RawEvent, Touchpoint
from schemas.topics import LEADS_PROFILES, LEADS_ROUTED
from streams.cli import app
from streams.engine.fold import Fold
from streams.wishes import Asked, Erased
from tests.builders import routed
from tests.traffic import PEPPER
from tests.wires import at_the_end, send
from tests.worker import pipeline

JANE = pseudonym("e", "jane@x.example", PEPPER)
LEAD = f"e-{'1' * 24}"


def run(environ: dict[str, str], *arguments: str, said: str | None = None) -> Result:
    return CliRunner().invoke(app, ["erase", *arguments], env=environ, input=said)


def test_a_wish_is_an_event_that_erases_the_lead_it_names(
    environ: dict[str, str], sent: Callable[[], list[RawEvent]]
) -> None:
    done = run(environ, "--email", " Jane@X.example", "--yes")
    assert (done.exit_code, done.stdout) == (0, f"asked:  Jane@X.example (lead {JANE})\n")
    resolve, qualify = (Fold(agent) for agent in pipeline()[:2])
    (raw,) = sent()
    (touch,) = (emit.record for emit in resolve.apply(0, raw))
    assert isinstance(touch, Touchpoint)
    assert (touch.kind, touch.lead_id, touch.occurred_at) == (Kind.ERASURE, JANE, raw.received_at)
    qualify.apply(0, touch)
    stub = qualify.rows[LEADS_PROFILES.name, 0, JANE]
    assert isinstance(stub, LeadProfile)
    assert (stub.erased_at, qualify.fates["erased"]) == (raw.received_at, 1)


def test_everything_that_somebody_is_known_by_may_be_named_at_once_or_in_a_file(
    environ: dict[str, str], sent: Callable[[], list[RawEvent]], tmp_path: Path
) -> None:
    file = tmp_path / "wishes.txt"
    file.write_text(f"\ufeffjane@x.example\n\n +44 20 7946 0958 \n{LEAD}\n42\n", encoding="utf-8")
    done = run(environ, "--user", "42", "--phone", "+442079460958", "--file", str(file), "--yes", "--json")
    asked = json.loads(done.stdout)["asked"]
    phone, user = pseudonym("p", "+442079460958", PEPPER), pseudonym("u", "42", PEPPER)
    assert [one["lead"] for one in asked] == [phone, user, JANE, phone, LEAD, user]
    assert sorted(raw.key for raw in sent()) == sorted([phone, user, JANE, phone, LEAD, user])
    assert len({raw.event_id for raw in sent()}) == 6


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "nobody is named"),
        (("--email", "jane@x.example"), "say --yes"),
        (("--email", "jane", "--user", "42", "--yes"), "by jane; nothing was sent"),
        (("--lead", "e-1", "--yes"), "by e-1; nothing was sent"),
        (("--file", "no such file", "--yes"), "cannot be read"),
    ],
    ids=["nobody", "not sure", "no address", "no lead", "no file"],
)
def test_what_cannot_be_meant_is_said_and_nothing_is_sent(
    environ: dict[str, str], sent: Callable[[], list[RawEvent]], arguments: tuple[str, ...], why: str
) -> None:
    done = run(environ, *arguments)
    assert done.exit_code == 2
    assert why in done.stderr
    assert sent() == []


@pytest.mark.parametrize("state", [State.PAUSED, State.RUNNING])
def test_a_destination_that_has_not_answered_is_named(
    environ: dict[str, str], topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: State
) -> None:
    """Workers and relays are played: one destination has answered, one has not, and one does not erase."""
    given, lead = Connection.read(environ), f"e-{topic_prefix}"
    answers, owes = f"{topic_prefix.strip('.-')}a", f"{topic_prefix.strip('.-')}b"
    sink = {"sink": "webhook", "url": "https://crm.example", "secret": "${NOT_SET_HERE}"}
    entries = {answers: sink, owes: sink, f"{owes}c": sink | {"erases": False}}
    file = tmp_path / "destinations.yaml"
    file.write_text(json.dumps({"destinations": entries}))
    for name in entries:
        at_the_end(environ, f"leadstream-relay-{name}", LEADS_ROUTED)
    send(environ, LEADS_ROUTED, (lead, routed(lead, 2, erased_at=1.0)))
    at_the_end(environ, f"leadstream-relay-{answers}", LEADS_ROUTED)
    tell(given, Told(name=owes, state=state))

    def applied(_: Connection, wanted: list[Asked], *__: object) -> Iterator[Erased]:
        yield from (Erased(one.cause, lead, 0.5) for one in wanted)

    monkeypatch.setattr("streams.wishes.erased", applied)
    told = environ | {"LEADSTREAM_DESTINATIONS_FILE": str(file)}
    done = run(told, "--user", "42", "--yes", "--wait", "--timeout", "0", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["unanswered"] == {owes: {"state": str(state), "leads": [lead]}}
    assert f"{owes} ({state})" in run(told, "--user", "42", "--yes", "--wait", "--timeout", "0").stderr
    at_the_end(environ, f"leadstream-relay-{owes}", LEADS_ROUTED)
    done = run(told, "--user", "42", "--yes", "--wait", "--timeout", "0", "--json")
    assert json.loads(done.stdout)["unanswered"] == {}


def test_who_waits_in_vain_hears_of_it(environ: dict[str, str], sent: Callable[[], list[RawEvent]]) -> None:
    done = run(environ, "--user", "42", "--yes", "--wait", "--timeout", "0", "--json")
    assert (done.exit_code, json.loads(done.stdout)["waiting"]) == (1, ["42"])
    assert len(sent()) == 1
