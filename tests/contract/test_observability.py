"""Rules, dashboard, runbook and metrics agree: what is shown exists, what exists is shown, what alerts is explained."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

import connectors.metrics
import streams.metrics
from streams.engine.exits import Exit

ROOT = Path(__file__).parents[2]
PROMETHEUS, RUNBOOK = ROOT / "infra" / "prometheus", ROOT / "docs" / "runbook.md"
GROUPS: list[dict[str, Any]] = [
    group for name in ("rules.yml", "slo.yml") for group in yaml.safe_load((PROMETHEUS / name).read_text())["groups"]
]
RULES = [rule for group in GROUPS for rule in group["rules"]]
ALERTS: dict[str, dict[str, Any]] = {rule["alert"]: rule for rule in RULES if "alert" in rule}
DASHBOARDS = ROOT / "infra" / "grafana" / "dashboards"
BOARDS: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text()) for path in sorted(DASHBOARDS.glob("*"))}
PANELS = {panel["title"]: panel for it in BOARDS.values() for panel in it["panels"] if panel["type"] != "row"}
SHOWN = {title: [str(target["expr"]) for target in panel["targets"]] for title, panel in PANELS.items()}
EXPRESSIONS = [str(rule["expr"]) for rule in RULES] + [expr for exprs in SHOWN.values() for expr in exprs]
SEEN_NOWHERE: set[str] = set()  # metrics that neither an alert nor a panel uses, each with its reason
OF_PROMETHEUS = {"up", "process_start_time_seconds", "process_cpu_seconds_total", "process_resident_memory_bytes"}
ADDED = {"job", "instance", "le", "slo"}  # labels that Prometheus and histograms add
COUNTED = {  # a minute, while bad things happen
    'leadstream_ingest_requests_total{code_class="2xx"}': 96,
    'leadstream_ingest_requests_total{code_class="5xx"}': 4,
    'leadstream_events_accepted_total{source="crm"}': 50,
    'leadstream_stage_events_total{stage="resolve", fate="touchpoint"}': 35,
    'leadstream_stage_events_total{stage="resolve", fate="dead_letter"}': 5,
    'leadstream_routed_total{destination="sales"}': 3,
    'leadstream_routed_total{destination="nurture"}': 17,
    "leadstream_explored_total": 1,
}
QUIET = ("5xx", "dead_letter", "sales", "explored")  # what is not counted before it happens first
SHARES = {  # what a panel makes of COUNTED, and of it without QUIET
    "Available": ([0.96], [1.0]),
    "Accounted for": ([0.8], [0.7]),
    "Share of dead letters": ([0.125], [0.0]),
    "Share that goes to sales": ([0.15, 0.05], [0.0, 0.0]),
}
ENTRY = ("- **Impact**", "- **Check**", "- **Mitigate**", "- **Verify**")

every_alert = pytest.mark.parametrize("alert", ALERTS)
promtool = pytest.mark.skipif(
    shutil.which("promtool") is None,
    reason="rules are NOT checked: no promtool (apt install prometheus)",
)


def declared() -> dict[str, MetricWrapperBase]:
    """Every metric of ours, by the names it is scraped under."""
    found: dict[str, MetricWrapperBase] = {}
    for module in (streams.metrics, connectors.metrics):
        for metric in vars(module).values():
            if isinstance(metric, MetricWrapperBase):
                [family] = metric.describe()
                endings = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_count", "_sum"]}[
                    family.type
                ]
                found |= {f"{family.name}{ending}": metric for ending in endings}
    return found


def used() -> set[str]:
    """Every name that looks like a metric in a rule or a panel."""
    return {name for expr in EXPRESSIONS for name in re.findall(r"\b(?:leadstream_\w+|up\b|process_\w+)", expr)}


def test_every_metric_that_is_shown_exists() -> None:
    assert used() - set(declared()) <= OF_PROMETHEUS


def test_every_metric_that_exists_is_shown_or_listed_as_hidden() -> None:
    shown = {id(metric) for name, metric in declared().items() if name in used()}
    hidden = {str(metric) for metric in declared().values() if id(metric) not in shown}
    assert hidden == SEEN_NOWHERE


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_labels_that_are_asked_for_are_labels_of_that_metric(expression: str) -> None:
    known = declared()
    for name, asked in re.findall(r"\b(leadstream_\w+)\{([^}]*)\}", expression):
        labels = set(re.findall(r"(\w+)\s*[=!]", asked))
        assert labels <= {*known[name]._labelnames, *ADDED}
    for grouped in re.findall(r"\bby \(([^)]*)\)", expression):
        some = {label for name in used() & set(known) if name in expression for label in known[name]._labelnames}
        assert {label.strip() for label in grouped.split(",")} <= some | ADDED


@every_alert
def test_an_alert_says_how_urgent_it_is_and_what_it_means(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"].endswith(".")


@every_alert
def test_an_alert_that_pages_waits_whether_it_passes(alert: str) -> None:
    assert "for" in ALERTS[alert] or ALERTS[alert]["labels"]["severity"] == "ticket"


@every_alert
def test_an_alert_has_a_page_in_the_runbook(alert: str) -> None:
    page = (ROOT / ALERTS[alert]["annotations"]["runbook"]).read_text()
    assert f"*{ALERTS[alert]['labels']['severity']}*" in page
    assert alert in page
    assert [part for part in ENTRY if part not in page] == []


@pytest.mark.parametrize("code", Exit)
def test_the_runbook_explains_each_code_that_a_worker_ends_with(code: Exit) -> None:
    page = (ROOT / "docs/runbook/leadstreamworkerrestarts.md").read_text()
    assert f"**{int(code)} {code.name.lower()}**" in " ".join(page.split())


def test_the_runbook_has_no_page_for_an_alert_that_is_gone_and_lists_every_page() -> None:
    pages = {path.name for path in (ROOT / "docs" / "runbook").iterdir()}
    assert {Path(rule["annotations"]["runbook"]).name for rule in ALERTS.values()} == pages
    assert set(re.findall(r"\]\(runbook/(\w+\.md)\)", RUNBOOK.read_text())) == pages


def test_panels_that_the_runbook_names_are_on_the_dashboard() -> None:
    texts = [" ".join(path.read_text().split()) for path in (RUNBOOK, *(ROOT / "docs" / "runbook").iterdir())]
    named = {name for text in texts for name in re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", text)}
    assert named <= set(PANELS) | {board["title"].rpartition(": ")[2] for board in BOARDS.values()}


def test_the_dashboards_are_what_the_code_makes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "infra/grafana/build.py", tmp_path], check=True)
    assert {path.stem: json.loads(path.read_text()) for path in tmp_path.iterdir()} == BOARDS


def test_a_panel_has_a_title_that_no_other_has_and_a_sentence() -> None:
    panels = [panel for board in BOARDS.values() for panel in board["panels"] if panel["type"] != "row"]
    assert len(PANELS) == len(panels)
    assert [panel["title"] for panel in panels if not panel["description"].endswith(".")] == []


@pytest.mark.parametrize("board", BOARDS)
def test_panels_do_not_overlap(board: str) -> None:
    panels = BOARDS[board]["panels"]
    cells = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in panels
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def test_the_dashboard_asks_the_data_source_that_is_provisioned() -> None:
    provisioned = yaml.safe_load((ROOT / "infra/grafana/provisioning/datasources/prometheus.yml").read_text())
    assert {panel["datasource"]["uid"] for panel in PANELS.values()} == {provisioned["datasources"][0]["uid"]}


def test_whatever_is_scraped_is_missed_when_it_is_down() -> None:
    scraped = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    expr = ALERTS["LeadstreamInstanceDown"]["expr"]
    assert set(re.findall(r"\w+", expr.partition('"')[2].partition('"')[0])) == {it["job_name"] for it in scraped}


@promtool
def test_promtool_accepts_the_configuration_and_the_rules() -> None:
    done = subprocess.run(
        ["promtool", "check", "config", PROMETHEUS / "prometheus.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("rules found") == 2


@promtool
def test_promtool_sees_each_alert_fire_and_stay_quiet() -> None:
    done = subprocess.run(
        ["promtool", "test", "rules", PROMETHEUS / "rules_test.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_panels_that_divide_to_show_a_share_are_known() -> None:
    shares = {title for title, panel in PANELS.items() if panel["fieldConfig"]["defaults"]["unit"] == "percentunit"}
    assert {title for title in shares if any(" / " in expr for expr in SHOWN[title])} == set(SHARES)


@promtool
@pytest.mark.parametrize("quiet", [False, True], ids=["bad things happen", "not yet"])
def test_a_panel_of_a_share_shows_that_share(tmp_path: Path, quiet: bool) -> None:
    counted = {name: pace for name, pace in COUNTED.items() if not (quiet and any(it in name for it in QUIET))}
    asked = [
        {
            "expr": f"round({expr.replace('$__rate_interval', '5m')}, 0.001)",
            "eval_time": "90m",
            "exp_samples": [{"labels": "{}", "value": share}],
        }
        for title, shares in SHARES.items()
        for expr, share in zip(SHOWN[title], shares[quiet], strict=True)
    ]
    rows = [{"series": name, "values": f"0+{pace}x90"} for name, pace in counted.items()]
    test = {"interval": "1m", "input_series": rows, "promql_expr_test": asked}
    written = tmp_path / "shares.yml"
    written.write_text(yaml.safe_dump({"tests": [test]}))
    done = subprocess.run(["promtool", "test", "rules", written], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@promtool
def test_promtool_can_parse_every_panel(tmp_path: Path) -> None:
    exprs = [expr.replace("$__rate_interval", "5m") for exprs in SHOWN.values() for expr in exprs]
    rules = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(exprs)]
    written = tmp_path / "panels.yml"
    written.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", written], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
