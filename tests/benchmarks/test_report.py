"""What `make bench` may say, and when it says nothing."""

import json
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.picture import picture
from tests.benchmarks.report import Report, Row


def row(engine: str, guarantee: str, cpu_us: float) -> Row:
    return Row(engine, guarantee, cpu_us, 1e6 / cpu_us, 200.0, 20.0, 90.0)


def report(ours: float, faust: float) -> Report:
    rows = [row("leadstream", "exactly once", ours), row("faust", "at least once", faust)]
    return Report(rows, ["7 of 7", "7 of 7"], row("fold", "no Kafka", 50.0), [("broker", "Apache Kafka")])


def test_no_figure_is_printed_on_an_embedded_broker(repository: Path) -> None:
    command = (sys.executable, "-m", "tests.benchmarks", "--broker", "embedded")
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "on Apache Kafka only" in done.stderr
    assert done.stdout == ""


def test_a_goal_is_met_at_its_bound_and_missed_beyond_it() -> None:
    assert [goal.met for goal in report(ours=65.0, faust=650.0).goals()] == [True, True]
    assert [goal.met for goal in report(ours=65.1, faust=650.0).goals()] == [False, False]


def test_the_page_says_which_goals_are_not_reached_yet(tmp_path: Path) -> None:
    report(ours=100.0, faust=650.0).save(tmp_path / "build", tmp_path)
    page = (tmp_path / "benchmarks.md").read_text()
    assert page.count("not yet") == 2
    assert "| leadstream | exactly once | 100.0 |" in page
    assert [one["engine"] for one in json.loads((tmp_path / "build" / "bench.json").read_text())] == [
        "leadstream",
        "faust",
    ]


def test_the_longest_bar_fits_the_picture() -> None:
    assert 'width="0.0"' in picture([("a", 10.0), ("b", 700.0)], fold=10.0)  # of `a`, all is the work itself
