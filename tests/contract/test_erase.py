"""`leadstream erase` on a broker: who is named, what is sent for it, and that nothing is sent by halves."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from schemas.keys import pseudonym
from schemas.records import Kind, LeadProfile, RawEvent, Touchpoint
from schemas.topics import LEADS_PROFILES
from streams.cli import app
from streams.engine.fold import Fold
from tests.traffic import PEPPER
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


def test_who_waits_in_vain_hears_of_it(environ: dict[str, str], sent: Callable[[], list[RawEvent]]) -> None:
    done = run(environ, "--user", "42", "--yes", "--wait", "--timeout", "0", "--json")
    assert (done.exit_code, json.loads(done.stdout)["waiting"]) == (1, ["42"])
    assert len(sent()) == 1
