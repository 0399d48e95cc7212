"""`leadstream import` on a broker: who is sent, who is left out and why, and an interruption that doubles nobody."""

import csv
import json
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from connectors.lists import importing as importing_module
from connectors.lists.columns import by_names
from connectors.lists.importing import Importing, Order
from connectors.lists.table import Table
from connectors.sending import Sending
from connectors.settings import Connection
from connectors.sources import listed
from connectors.sources.listed import Basis
from schemas.keys import pseudonym
from schemas.records import Consent, LeadProfile, RawEvent, Touchpoint
from schemas.topics import LEADS_PROFILES
from streams.cli import app
from streams.domain.profile import person
from streams.engine.fold import Fold
from streams.lists import checked
from tests.traffic import PEPPER
from tests.wires import CODEC, send
from tests.worker import pipeline


def run(environ: dict[str, str], file: Path, *arguments: str) -> Result:
    said = ("--lawful-basis", "consent", "--source", "fair", "--json", *arguments)
    return CliRunner().invoke(app, ["import", str(file), *said], env=environ)


def listing(folder: Path, *lines: str) -> Path:
    file = folder / "leads.csv"
    file.write_text("\n".join(["email,name,company,created", *lines, ""]), encoding="utf-8")
    return file


def test_rows_are_sent_left_out_or_reported_with_line_and_reason(
    environ: dict[str, str], sent: Callable[[], list[RawEvent]], tmp_path: Path, topic_prefix: str
) -> None:
    objector = f"{topic_prefix}no@x.example"
    lead = pseudonym("e", objector, PEPPER)
    denied = {"contact": Consent(granted=False, at=1.0)}
    send(environ, LEADS_PROFILES, (lead, LeadProfile(lead_id=lead, version=1, consent=denied)))
    other = f"{topic_prefix}no@work.example"  # another address of theirs, under which they have not said so
    absorbed = pseudonym("e", other, PEPPER)
    send(environ, LEADS_PROFILES, (absorbed, LeadProfile(lead_id=absorbed, version=1, merged_into=lead)))
    out = tmp_path / "out.txt"
    out.write_text("Competitor.example\n")
    file = listing(
        tmp_path,
        "jane@x.example,Jane Doe,X,2026-09-20T10:00:00Z",
        f"{objector},No,X,",
        f"{other},No,X,",
        "eve@mail.competitor.example,Eve,Competitor,",
        "not an address,Nobody,X,",
        ",Nobody,X,",
        "joe@x.example,Joe,X,yesterday",
        "ann@x.example,Ann",
        'bob@x.example,"Bob\nSmith",X,',
    )
    dry = run(environ, file, "--suppress", str(out), "--dry-run")
    assert (dry.exit_code, json.loads(dry.stdout)["sent"], sent()) == (0, 2, [])
    said = run(environ, file, "--suppress", str(out))
    assert said.exit_code == 0, said.stderr
    told = json.loads(said.stdout)
    assert (told["rows"], told["sent"]) == (9, 2)
    assert told["left"] == {"suppressed": 3, "junk_id": 1, "missing_id": 1, "invalid_value": 1, "unparseable": 1}
    with Path(told["report"]).open(newline="") as report:
        lines = list(csv.reader(report))
    assert [line[:2] for line in lines[1:]] == [
        ["3", "suppressed"],
        ["4", "suppressed"],
        ["5", "suppressed"],
        ["6", "junk_id"],
        ["7", "missing_id"],
        ["8", "invalid_value"],
        ["9", "unparseable"],
    ]
    assert "example" not in str([line[2] for line in lines])
    assert {listed.adapt(raw).identifiers.email for raw in sent()} == {"jane@x.example", "bob@x.example"}


def test_a_row_becomes_a_lead_with_its_basis_that_has_done_nothing_yet(
    environ: dict[str, str], sent: Callable[[], list[RawEvent]], tmp_path: Path
) -> None:
    assert run(environ, listing(tmp_path, "jane@x.example,Jane Doe,X Ltd,2026-09-20T10:00:00Z")).exit_code == 0
    resolve, qualify = (Fold(agent) for agent in pipeline()[:2])
    (raw,) = sent()
    (touch,) = (emit.record for emit in resolve.apply(0, raw))
    assert isinstance(touch, Touchpoint)
    assert (touch.weight, touch.weight_reason, touch.consent) == (0.0, "list", {"contact": True})
    qualify.apply(0, touch)
    lead = qualify.rows[LEADS_PROFILES.name, 0, pseudonym("e", "jane@x.example", PEPPER)]
    assert isinstance(lead, LeadProfile)
    assert (lead.touches, lead.account) == (0, "x.example")
    assert person(lead).items() >= {"name": "Jane Doe", "lawful_basis": "consent", "list": "fair"}.items()


def test_an_interrupted_import_goes_on_and_nobody_counts_twice(
    environ: dict[str, str],
    sent: Callable[[], list[RawEvent]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importing_module, "NOTED_EVERY", 10)
    lines = [f"p{number}@x.example,P {number},X," if number % 7 else ",,X," for number in range(100)]
    file, report = listing(tmp_path, *lines), tmp_path / "report.csv"
    order = Order("fair", Basis.CONSENT, by_names(["email", "name", "company", "created"]), "contact", PEPPER)
    check, asked = checked(PEPPER, frozenset(), frozenset()), iter(range(1_000))

    def dying(raw: RawEvent) -> None:
        if next(asked) == 57:
            raise KeyboardInterrupt
        check(raw)

    def attempt(each: Callable[[RawEvent], None]) -> int:
        with Sending(Connection.read(environ)) as sending:
            run_ = Importing(file, order, report=report, check=each, codec=CODEC, sends=sending)
            done = run_.begin(time.time())
            begins = done.row
            with closing(Table(file)) as table:
                run_.run(table, done, lambda *_: None)
        return begins

    with pytest.raises(KeyboardInterrupt):
        attempt(dying)
    assert attempt(check) == 50
    assert attempt(check) == 100
    events = [raw.event_id for raw in sent()]
    assert len(events) > len(set(events)) == sum(bool(number % 7) for number in range(100))
    assert len(report.read_text().splitlines()) == 1 + 15
    resolve, qualify = (Fold(agent) for agent in pipeline()[:2])
    for raw in sent():
        for emit in resolve.apply(0, raw):
            qualify.apply(0, emit.record)
    assert qualify.fates["applied"] == len(set(events))


def test_what_was_imported_is_not_sent_again_unless_asked_for_and_another_file_is_not_taken_for_it(
    environ: dict[str, str], sent: Callable[[], list[RawEvent]], tmp_path: Path
) -> None:
    file = listing(tmp_path, "jane@x.example,Jane,X,")
    for arguments in ((), (), ("--restart",)):
        assert run(environ, file, *arguments).exit_code == 0
    assert len(sent()) == 2
    assert len({raw.event_id for raw in sent()}) == 1
    listing(tmp_path, "joe@x.example,Joe,X,")
    other = run(environ, file)
    assert other.exit_code == 2
    assert "--restart" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--lawful-basis", "because"), "--lawful-basis because is none"),
        (("--did", "danced"), "--did danced is none"),
        (("--map", "email=Mail"), "there is no column 'Mail'"),
        (("--source", " "), "--source must name the list"),
    ],
)
def test_what_is_said_wrongly_is_named(
    environ: dict[str, str], tmp_path: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    said = run(environ, listing(tmp_path, "jane@x.example,Jane,X,"), *arguments)
    assert said.exit_code == 2
    assert complaint in said.stderr


def test_a_lawful_basis_must_be_given(environ: dict[str, str], tmp_path: Path) -> None:
    said = CliRunner().invoke(app, ["import", str(listing(tmp_path)), "--source", "fair"], env=environ)
    assert said.exit_code == 2
    assert "--lawful-basis" in said.stderr
