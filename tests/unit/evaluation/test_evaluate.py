"""`leadstream evaluate`: honest figures of any table, and errors that name the column."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from random import Random
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner, Result

from streams.cli import app
from streams.domain.hazards import X
from streams.evaluation import delayed, reference, run
from streams.evaluation.dataset import Dataset
from streams.evaluation.estimators import DEFAULT, ESTIMATORS
from streams.evaluation.timeline import Ask, Questions, Tell, by_lag, by_time, questions

ROWS = 900


def evaluate(file: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["evaluate", "--data", str(file), *arguments], env={"COLUMNS": "200"})


def figures(file: Path, *arguments: str) -> dict[str, float]:
    said = evaluate(file, *arguments, "--json")
    assert said.exit_code == 0, said.output
    found: dict[str, float] = json.loads(said.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def leads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Leads of whom those from fairs and with many pages convert; some of it missing, none of it in order."""
    rng, lines = Random(4), []
    for at in range(ROWS):
        source, pages = rng.choice(["fair", "ad", "web", ""]), rng.randint(0, 30)
        odds = 0.05 + 0.4 * (source == "fair") + 0.015 * pages
        label = "won" if rng.random() < odds else "lost"
        month, day = f"2024-{1 + at // 75:02d}", 1 + at // 3 % 25
        told = f"{source},{'' if at % 9 == 0 else pages},{label},{month}-{day + 2:02d},{rng.random()}"
        lines.append(f"{at:05d},{month}-{day:02d},{told}")
    rng.shuffle(lines)
    file = tmp_path_factory.mktemp("leads") / "leads.csv"
    file.write_text("\n".join(["number,created,source,pages,outcome,closed,leak", *lines]) + "\n")
    return file


def test_it_learns_what_makes_them_convert(leads: Path) -> None:
    found = figures(leads, "--label", "outcome", "--time", "created", "--label-time", "closed", "--no-reference")
    assert found["rows"] == ROWS
    assert found["auc"] > 0.65
    assert found["lift10"] > 1.3
    assert found["ece"] < 0.15
    assert found["reference"] is None


def test_beside_it_stands_lightgbm_on_the_same_rows(leads: Path) -> None:
    pytest.importorskip("lightgbm")
    found = figures(leads, "--label", "outcome", "--time", "created", "--label-time", "closed")
    beside = found["reference"]
    assert isinstance(beside, Mapping)
    assert beside["auc"] > 0.6
    assert beside.keys() == {"auc", "windowed_auc", "log_loss", "ece", "lift10"}


def test_labels_that_come_later_teach_later(leads: Path) -> None:
    asked = ("--label", "outcome", "--time", "created", "--drop", "closed", "--no-reference")
    at_once, never = figures(leads, *asked), figures(leads, *asked, "--lag", "100000")
    assert at_once["auc"] > 0.65
    assert never["auc"] == 0.5


def test_a_label_is_told_once_and_only_when_it_was_known() -> None:
    rng = Random(1)
    moments = sorted(float(rng.randint(0, 50)) for _ in range(200))
    known = [rng.choice([None, at + rng.randint(0, 40)]) for at in moments]
    labels = [rng.choice([0, 1, None]) for _ in moments]
    now, told = 0.0, []
    for event in by_time(labels, moments, known):
        if isinstance(event, Ask):
            now = moments[event.row]
            continue
        at = known[event.row]
        assert at is not None
        assert moments[event.row] <= at < max(moments)
        assert at >= now
        told.append(event.row)
    due = [row for row, at in enumerate(known) if at is not None and at < max(moments) and labels[row] is not None]
    assert sorted(told) == due


def test_a_lag_of_n_rows_tells_each_label_after_n_more_questions() -> None:
    assert list(by_lag([1, None, 0, 1], 1)) == [Ask(0), Ask(1), Tell(0), Ask(2), Ask(3), Tell(2)]


def test_milliseconds_are_times_and_a_day_without_a_time_is_known_when_it_is_over() -> None:
    data = Dataset({"at": ["1700000000000", "1700000060000"], "won": ["1", "0"], "day": ["2023-11-14", None]}, 2)
    asked = questions(data, "won", "at", "day")
    assert asked.times == [1_700_000_000.0, 1_700_000_060.0]
    assert asked.known == [1_700_006_400.0, None]


def late(wait: float | None = None) -> Questions:
    """Four rows: won after 2, won after 50, lost, lost; the lost ones known after `wait`."""
    moments = [0.0, 1.0, 2.0, 60.0]
    lost = [None if wait is None else moment + wait for moment in moments[2:]]
    return Questions(Dataset({}, 4), [None] * 4, [1, 1, 0, 0], moments, [2.0, 51.0, *lost], 0)


def test_how_long_a_row_may_take_is_read_from_those_that_never_convert() -> None:
    assert delayed.horizon(late(), 30.0) == 30.0
    assert delayed.horizon(late(), None) == 50.0
    assert delayed.horizon(late(60.0), None) == 60.0
    assert delayed.horizon(late(10.0), None) is None
    assert delayed.closed(late(), 30.0).labels == [1, 0, 0, 0]
    assert delayed.closed(late(), 30.0).known == [30.0, 31.0, 32.0, 90.0]


def test_conversions_that_come_late_go_through_the_joiner() -> None:
    outcome = delayed.run(ESTIMATORS[DEFAULT], [{"a": 1.0}] * 4, late(), [1.0] * 4, 30.0)
    assert len(outcome.scores) == 4
    assert len(outcome.learn_us) == 1 + 4 + 4


def test_leads_that_never_convert_need_no_time(leads: Path, tmp_path: Path) -> None:
    rows = list(csv.reader(leads.read_text().splitlines()))
    file = tmp_path / "open.csv"
    with file.open("w") as opened:
        csv.writer(opened).writerows([[*row[:5], "" if row[4] == "lost" else row[5], *row[6:]] for row in rows])
    asked = ("--label", "outcome", "--time", "created", "--label-time", "closed", "--no-reference", "--within", "7d")
    said = evaluate(file, *asked)
    assert "whether a row converts within 7 days" in said.stdout
    assert figures(file, *asked)["auc"] > 0.6


def test_any_estimator_of_river_s_protocol_can_be_judged() -> None:
    class Rate:
        """The share of positives so far."""

        def __init__(self) -> None:
            self.n, self.won = 2.0, 1.0

        def predict_proba_one(self, x: X) -> Mapping[bool, float]:
            assert x == {"a": 1.0}
            return {True: self.won / self.n, False: 1 - self.won / self.n}

        def learn_one(self, x: X, y: bool, *, w: float = 1.0) -> None:
            assert x == {"a": 1.0}
            self.n, self.won = self.n + w, self.won + w * y

    outcome = run.run(Rate(), [{"a": 1.0}] * 3, [1, 1, 0], [1.0] * 3, [Ask(0), Tell(0), Ask(1), Ask(2), Tell(1)])
    assert outcome.scores == [1 / 2, 2 / 3, 2 / 3]
    assert len(outcome.learn_us) == 2


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_survives_what_it_has_never_seen(name: str) -> None:
    estimator = ESTIMATORS[name]()
    rows: list[X] = [{}, {"a": 1.0}, {"a": 1e12, "b": "x"}, {"b": "y" * 64, "c": -0.0}, {"a": "odd"}]
    for at, x in enumerate(rows * 3):
        before = dict(x)
        chances = estimator.predict_proba_one(x)
        assert 0.0 <= chances[True] <= 1.0
        estimator.learn_one(x, at % 2 == 0, w=0.5)
        assert x == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--label", "nope"), "--label nope: there is no such column; the file has number, created"),
        (("--label", "source"), "--label source: a label has two values, this column has 3"),
        (("--label", "outcome=gone"), "no row has 'gone' in column outcome"),
        (("--label", "outcome", "--time", "source"), "--time source: '"),
        (("--label", "outcome", "--time", "pages"), "--time pages: 100 of 900 rows have none"),
        (("--label", "outcome", "--drop", "x,y"), "--drop x: there is no such column"),
        (("--label", "outcome", "--lead", "x"), "--lead x: there is no such column"),
        (
            ("--label", "outcome", "--label-time", "closed"),
            "--label-time closed: it must be in the same unit",
        ),
        (("--label", "outcome", "--label-time", "closed", "--lag", "5"), "--lag and --label-time"),
        (("--label", "outcome", "--within", "soon"), "--within soon: write 12h, 7d or 2w"),
        (("--label", "outcome", "--estimator", "x"), "--estimator x is none of"),
        (("--label", "outcome", "--warm-up", "899"), "have one label"),
        (("--label", "outcome", "--drop", "number,created,source,pages,closed,leak"), "no column is left"),
    ],
    ids=str,
)
def test_what_cannot_be_evaluated_is_misuse_and_names_the_column(
    leads: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = evaluate(leads, *arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = evaluate(tmp_path / "none.csv", "--label", "x")
    assert result.exit_code == 2
    assert "none.csv" in result.stderr


def test_it_says_what_it_took_each_column_for_and_draws_it(leads: Path, tmp_path: Path) -> None:
    drawn = tmp_path / "leads.svg"
    asked = ("--label", "outcome", "--time", "created", "--drop", "closed", "--no-reference", "--picture", str(drawn))
    said = evaluate(leads, *asked).stdout
    assert "left out: names the row: number" in said
    assert "category: source, weekday of the row" in said
    assert "learning curve" in said
    root = ET.parse(drawn).getroot()
    assert len(root.findall("{*}polyline")) == 3


def test_without_lightgbm_it_says_how_to_get_it(leads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "lightgbm", None)
    assert "pip install 'leadstream[evaluate]'" in reference.missing()
    assert "pip install 'leadstream[evaluate]'" in evaluate(leads, "--label", "outcome", "--time", "created").stdout
