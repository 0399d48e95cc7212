"""Each alert fires over its threshold, stays quiet under it and waits its time; and a changed rule is noticed."""

import copy
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.alerting import CASES, OBJECTIVES, PACES, Case, Series

PROMETHEUS = Path(__file__).parents[2] / "infra" / "prometheus"
GROUPS: list[dict[str, Any]] = [
    group for name in ("rules.yml", "slo.yml") for group in yaml.safe_load((PROMETHEUS / name).read_text())["groups"]
]
ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for group in GROUPS for rule in group["rules"] if "alert" in rule
}
RECORDED = {
    rule["alert"]: [it for it in group["rules"] if "record" in it and it["labels"]["window"] in rule["expr"]]
    for group in GROUPS
    for rule in group["rules"]
    if "alert" in rule
}
THRESHOLD = re.compile(r"(?<=[<>=] )([0-9.]+)(?![\w.])")
FIRING = "count(ALERTS{alertstate='firing'})"
LATE = 60  # minutes: by then whatever fires has fired
SILENT = 90  # minutes: there a case's series end
MINUTES = {"m": 1, "h": 60, "d": 1440}

pytestmark = pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool (apt install prometheus)")


def asked(series: Series, minute: int, fires: bool) -> dict[str, Any]:
    """One promtool test: whether anything fires at that minute."""
    said: dict[str, Any] = {"expr": f"{FIRING} > bool 0", "eval_time": f"{minute}m"}
    said["exp_samples"] = [{"labels": "{}", "value": 1}] if fires else []
    rows = [{"series": name, "values": values} for name, values in series.items()]
    return {"interval": "1m", "input_series": rows, "promql_expr_test": [said]}


def claims(case: Case, waits: bool) -> Iterator[dict[str, Any]]:
    """Fires, stays quiet, waits, and what it makes of nothing at all."""
    yield asked(case.over, LATE + 2, True)
    yield asked(case.under, LATE, False)
    yield asked({}, LATE, case.missing_fires)
    if waits:
        yield asked(case.over, case.since, False)


def ends(over: Series, window: str) -> Iterator[dict[str, Any]]:
    """Fires, and ends once a window is empty: because counters stand still, or because they are gone."""
    empty = SILENT + int(window[:-1]) * MINUTES[window[-1]] + 2
    still = {name: f"{values} {float(values[2:-3]) * SILENT:g}x400" for name, values in over.items()}
    gone = {name: f"{values} _x400" for name, values in over.items()}
    for series in (still, gone):
        yield asked(series, SILENT, True)
        yield asked(series, empty, False)


def written(folder: Path, name: str, rule: dict[str, Any], tests: Iterator[dict[str, Any]]) -> Path:
    """A file for promtool: the tests of one alert, on one version of its rule."""
    rules, played = folder / f"{name}.rules.yml", folder / f"{name}.yml"
    rules.write_text(yaml.safe_dump({"groups": [{"name": "one", "rules": [*RECORDED[rule["alert"]], rule]}]}))
    played.write_text(yaml.safe_dump({"rule_files": [rules.name], "evaluation_interval": "1m", "tests": list(tests)}))
    return played


def failed(files: list[Path]) -> set[str]:
    """Run promtool once over all files; return the names of those whose tests fail."""
    command = ["promtool", "test", "rules", *map(str, files)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    said = re.split(r"^Unit Testing:  ", done.stdout, flags=re.MULTILINE)
    return {Path(part.split()[0]).stem for part in said if "FAILED" in part}


def mutants(rule: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rule with each threshold halved and doubled, and without its waiting time."""
    expr = str(rule["expr"])
    for number, found in enumerate(THRESHOLD.finditer(expr)):
        for factor in (0.5, 2.0) if float(found[1]) else ():
            changed = copy.deepcopy(rule)
            changed["expr"] = f"{expr[: found.start()]}{float(found[1]) * factor:g}{expr[found.end() :]}"
            yield f"{number}x{factor:g}", changed
    if "for" in rule:
        yield "at-once", {key: value for key, value in rule.items() if key != "for"}


def test_every_alert_has_a_case_an_owner_and_a_page() -> None:
    assert set(CASES) == set(ALERTS)
    assert {rule["labels"]["owner"] for rule in ALERTS.values()} <= {"platform", "kafka", "integrations", "scoring"}


def test_the_objectives_rules_are_what_the_code_makes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, PROMETHEUS / "slo.py", tmp_path / "slo.yml"], check=True)
    assert (tmp_path / "slo.yml").read_text() == (PROMETHEUS / "slo.yml").read_text()


def test_an_objective_says_what_is_good_so_that_its_alerts_negate_once() -> None:
    said = [ALERTS[name]["annotations"]["summary"] for name, windows in RECORDED.items() if windows]
    assert [summary for summary in said if len(re.findall(r"\bnot\b", summary)) != 1] == []


@pytest.mark.integration
@pytest.mark.timeout(300)
def test_each_alert_fires_over_its_threshold_only_and_not_at_once(tmp_path: Path) -> None:
    files = [written(tmp_path, name, rule, claims(CASES[name], "for" in rule)) for name, rule in ALERTS.items()]
    assert failed(files) == set()


@pytest.mark.integration
@pytest.mark.timeout(300)
def test_a_budget_burns_no_longer_once_its_short_window_is_empty(tmp_path: Path) -> None:
    files = [
        written(tmp_path, name, ALERTS[name], ends(CASES[name].over, windows[0]["labels"]["window"]))
        for name, windows in RECORDED.items()
        if windows
    ]
    assert len(files) == len(OBJECTIVES) * len(PACES)
    assert failed(files) == set()


@pytest.mark.integration
@pytest.mark.timeout(300)
def test_a_changed_threshold_or_waiting_time_is_noticed(tmp_path: Path) -> None:
    files = [
        written(tmp_path, f"{name}-{how}", mutant, claims(CASES[name], "for" in rule))
        for name, rule in ALERTS.items()
        for how, mutant in mutants(rule)
    ]
    survivors = {file.stem for file in files} - failed(files)
    assert len(survivors) <= 0.05 * len(files), survivors
