"""`leadstream evaluate` on files as people have them: odd, and read all the same, or refused with the column's name."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from streams.cli import app

ROWS, START = 400, 1_700_000_000
Row = dict[str, Any]


class Seen(NamedTuple):
    """What the command said: its last line as JSON, and everything above."""

    figures: Mapping[str, float]
    text: str


def evaluated(tmp_path: Path, lines: Sequence[Row], *asked: str, encoding: str = "utf-8", separator: str = ",") -> Seen:
    file = tmp_path / "leads.csv"
    with file.open("w", encoding=encoding, newline="") as out:
        table = csv.DictWriter(out, [*lines[0]], delimiter=separator)
        table.writeheader()
        table.writerows(lines)
    given = ["evaluate", "--data", str(file), "--no-reference", "--json", *asked]
    result = CliRunner().invoke(app, given, env={"COLUMNS": "500"})
    assert result.exit_code in (0, 2), result.output
    if result.exit_code:
        return Seen({}, result.stderr)
    *above, last = result.stdout.splitlines()
    return Seen(json.loads(last), "\n".join(above))


def leads(
    number: int = ROWS,
    *,
    won: tuple[str, str] = ("0", "1"),
    told: Callable[[int], str] = str,
    **more: Callable[[int], object],
) -> list[Row]:
    """Leads of whom the more pages they saw the more convert; one each hour, its time as `told` writes it."""
    rng, made = Random(5), []
    for at in range(number):
        pages = rng.randrange(20)
        label = won[rng.random() < 0.04 * pages]
        row = {"created": told(START + 3600 * at), "pages": pages, "won": label}
        made.append(row | {name: of(at) for name, of in more.items()})
    return made


def in_zone(seconds: int) -> str:
    """Write a time with one of three offsets in turn."""
    return datetime.fromtimestamp(seconds, timezone(timedelta(hours=seconds // 3600 % 3))).isoformat()


def utc(form: str) -> Callable[[int], str]:
    return lambda seconds: datetime.fromtimestamp(seconds, UTC).strftime(form)


@pytest.mark.parametrize(
    "told",
    [
        str,
        lambda at: str(1000 * at),
        in_zone,
        *map(utc, ["%d.%m.%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %I:%M %p", "%Y-%m-%dT%H:%M:%SZ"]),
    ],
    ids=["s", "ms", "zones", "german", "british", "american", "zulu"],
)
def test_rows_are_in_time_order_however_times_are_written(tmp_path: Path, told: Callable[[int], str]) -> None:
    rows = leads(told=told)
    shuffled = Random(1).sample(rows, len(rows))
    asked = ("--label", "won", "--time", "created")
    assert (
        evaluated(tmp_path, shuffled, *asked).figures["auc"] == evaluated(tmp_path, rows, *asked).figures["auc"] > 0.6
    )


def test_a_german_spreadsheet_is_read(tmp_path: Path) -> None:
    def note(at: int) -> str:
        return f'ruft "morgen" an;\nZeile {at}' if at % 2 else "—"

    rows = leads(
        won=("Nein", "Ja"),
        told=utc("%d.%m.%Y %H:%M"),
        Umsatz=lambda at: f"{at % 7 + 1}.250,5 €",
        Anteil=lambda at: f"{at % 9},5",
        Notiz=note,
        Stammkunde=lambda at: ("wahr", "falsch")[at % 2],
    )
    seen = evaluated(tmp_path, rows, "--label", "won", "--time", "created", encoding="utf-8-sig", separator=";")
    assert seen.figures["rows"] == ROWS
    assert "number: pages, Umsatz, Anteil" in seen.text
    assert "category: Notiz, Stammkunde" in seen.text


def test_what_never_changes_and_what_counts_rows_is_left_out_and_said(tmp_path: Path) -> None:
    rows = leads(
        tenant=lambda _: "acme", serial=lambda at: 7 * at + 3, ticket=lambda at: f"T-{at:06d}", empty=lambda _: ""
    )
    seen = evaluated(tmp_path, rows, "--label", "won", "--time", "created")
    assert "left out: never changes: tenant, empty" in seen.text
    assert "left out: names the row: serial, ticket" in seen.text


def test_rows_without_a_label_are_open_and_not_judged(tmp_path: Path) -> None:
    rows = [row | {"won": ""} if at % 4 == 0 else row for at, row in enumerate(leads())]
    seen = evaluated(tmp_path, rows, "--label", "won", "--time", "created", "--warm-up", "0")
    assert (seen.figures["rows"], seen.figures["judged"]) == (ROWS, ROWS * 3 // 4)


def test_a_label_that_was_known_before_its_row_is_left_out_and_counted(tmp_path: Path) -> None:
    rows = leads(closed=lambda at: START + 3600 * at + (-60 if at % 10 == 0 else 7200))
    seen = evaluated(tmp_path, rows, "--label", "won", "--time", "created", "--label-time", "closed")
    assert seen.figures["rows"] == ROWS * 9 // 10
    assert f"{ROWS // 10} rows left out: their label was known before" in seen.text


def test_three_rows_are_judged_for_what_they_are(tmp_path: Path) -> None:
    seen = evaluated(tmp_path, leads(3, won=("1", "0"))[:2] + leads(3)[2:], "--label", "won", "--time", "created")
    assert "3 rows, 3 judged" in seen.text


def test_rows_that_are_there_twice_are_taken_as_they_are(tmp_path: Path) -> None:
    rows = [row for row in leads() for _ in range(2)]
    assert evaluated(tmp_path, rows, "--label", "won", "--time", "created").figures["rows"] == 2 * ROWS


def test_two_hundred_columns_and_a_thousand_words_are_survived(tmp_path: Path) -> None:
    wide: dict[str, Any] = {f"c{n}": lambda at, n=n: (at * n) % 97 / 7 for n in range(1, 200)}
    words = Random(2).sample(range(10**6), 1_000)
    rows = leads(300, text=lambda at: " ".join(f"w{words[at * 7 % 1_000 - n]}" for n in range(30)), **wide)
    assert evaluated(tmp_path, rows, "--label", "won", "--time", "created").figures["rows"] == 300


def test_numbers_beyond_all_bounds_change_nothing_but_their_own_share(tmp_path: Path) -> None:
    odd = ("1e400", "-1e308", "9" * 400, "0x1F", "1_000", "٣", "", "1e-320")
    rows = leads(odd=lambda at: odd[at % len(odd)] if at % 3 == 0 else at % 5)
    assert evaluated(tmp_path, rows, "--label", "won", "--time", "created").figures["auc"] > 0.6


def test_names_of_columns_may_be_anything(tmp_path: Path) -> None:
    rows = [
        {'a "b"\n,c': 1.0 * at, "💶 = €": at % 3, " won ": row["won"], "": at % 2} for at, row in enumerate(leads())
    ]
    assert evaluated(tmp_path, rows, "--label", "won").figures["rows"] == ROWS


@pytest.mark.parametrize(
    ("rows", "label", "said"),
    [
        (leads(won=("0", "0")), "won", "--label won: every row has '0'; there is nothing to learn"),
        (leads(won=("1", "2")), "won", "--label won: which of '1' and '2' is positive? Say it: --label 'won=2'"),
        (leads(won=("a", "b")), "won", "--label won: which of 'a' and 'b' is positive? Say it: --label 'won=b'"),
        (leads(stage=lambda at: "abc"[at % 3]), "stage", "--label stage: a label has two values, this column has 3"),
    ],
    ids=["one class", "1 and 2", "a and b", "three"],
)
def test_what_cannot_be_learned_is_refused_with_the_column(
    tmp_path: Path, rows: list[Row], label: str, said: str
) -> None:
    seen = evaluated(tmp_path, rows, "--label", label, "--time", "created")
    assert not seen.figures
    assert said in seen.text


def test_a_label_of_one_and_two_is_taken_once_the_positive_one_is_said(tmp_path: Path) -> None:
    said = evaluated(tmp_path, leads(won=("1", "2")), "--label", "won=2", "--time", "created").figures
    plain = evaluated(tmp_path, leads(), "--label", "won", "--time", "created").figures
    assert said["auc"] == plain["auc"]
