"""What `make bench` may say, and when it says nothing."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from tests.benchmarks.goals import Row, Scale
from tests.benchmarks.latency import Latency
from tests.benchmarks.picture import picture
from tests.benchmarks.report import Note, Report
from tests.benchmarks.scale import Scaled


def row(engine: str, guarantee: str, cpu_us: float) -> Row:
    return Row(engine, guarantee, cpu_us, 1e6 / cpu_us, 200.0, 20.0, 90.0)


def report(ours: float, faust: float) -> Report:
    rows = [row("leadstream", "exactly once", ours), row("faust", "at least once", faust)]
    return Report(rows, [Note("7 of 7", 900.0)] * 2, row("fold", "no Kafka", 50.0), [("broker", "Apache Kafka")])


def test_no_figure_is_printed_on_an_embedded_broker(repository: Path) -> None:
    command = (sys.executable, "-m", "tests.benchmarks", "--broker", "embedded")
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "on Apache Kafka only" in done.stderr
    assert done.stdout == ""


def test_a_goal_is_met_at_its_bound_and_missed_beyond_it() -> None:
    assert [goal.met for goal in report(ours=58.0, faust=1160.0).goals()] == [True, True, True, True]
    assert [goal.met for goal in report(ours=58.1, faust=1160.0).goals()] == [False, False, True, True]


def test_the_page_says_which_goals_are_not_reached_yet(tmp_path: Path) -> None:
    report(ours=100.0, faust=650.0).save(tmp_path / "build", tmp_path)
    page = (tmp_path / "benchmarks.md").read_text()
    assert page.count("not yet") == 2
    assert "| leadstream | exactly once | 100.0 |" in page
    assert [one["engine"] for one in json.loads((tmp_path / "build" / "bench.json").read_text())] == [
        "leadstream",
        "faust",
    ]


def test_the_page_shows_how_cost_scales_and_what_could_not_be_measured(tmp_path: Path) -> None:
    scale = Scale(leads=Scaled(50.0, 70.0), leads_rss_mib=900.0, partitions=Scaled(50.0, 60.0), processes=None)
    made = replace(report(ours=58.0, faust=1160.0), scale=scale)
    made.save(tmp_path / "build", tmp_path)
    assert [str(goal) for goal in made.goals() if not goal.met] == [
        "cost of an event, 1,000,000 leads : 10,000: 1.40 (wanted ≤ 1.3)"
    ]
    assert "not measured" in (tmp_path / "benchmarks.md").read_text()


def test_the_page_shows_latency_at_the_rates_that_were_fed(tmp_path: Path) -> None:
    replace(report(ours=58.0, faust=1160.0), rates=[Latency(45.2, 116.0, 900, 600.0)]).save(tmp_path / "b", tmp_path)
    assert "| 300 | 45 | 116 |" in (tmp_path / "benchmarks.md").read_text()


def test_the_longest_bar_fits_the_picture() -> None:
    assert 'width="0.0"' in picture([("a", 10.0), ("b", 700.0)], fold=10.0)  # of `a`, all is the work itself
