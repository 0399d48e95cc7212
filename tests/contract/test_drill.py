"""The drill's data and what it makes of rules and routes, as far as it can be held to account without running it."""

import asyncio
import shutil
import subprocess
import time
from pathlib import Path

import aiohttp
import msgspec
import pytest
import yaml

from tests.contract.test_observability import ALERTS
from tests.drill import scaling
from tests.drill.case import Case, cases
from tests.drill.desk import Desk
from tests.drill.faults import FAULTS
from tests.drill.machine import LATENCIES
from tests.drill.report import Fired, Row, good, recall, table, write

CASES = {case.name: case for case in cases()}
SCALED = {rule["alert"]: rule for group in scaling.rules(10)["groups"] for rule in group["rules"] if "alert" in rule}

every_case = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


def row(*expected: Fired, unrelated: tuple[str, ...] = ()) -> Row:
    return Row("fault", "it breaks", expected, (), unrelated, (), (), ())


@every_case
def test_a_fault_exists_and_so_do_its_alerts(case: Case) -> None:
    assert case.do in FAULTS
    assert case.expects.keys() | set(case.brings) <= ALERTS.keys()
    assert {ALERTS[name]["labels"]["severity"] for name in case.brings} <= {"page"}


@every_case
def test_an_alert_is_expected_no_sooner_than_its_rule_allows(case: Case) -> None:
    for name, within_s in case.expects.items():
        waits_s = float(SCALED[name].get("for", "0ms")[:-2]) / 1000
        assert within_s > waits_s


def test_the_alerts_that_a_busy_machine_excuses_exist_and_none_is_expected_of_a_fault() -> None:
    assert ALERTS.keys() >= LATENCIES
    assert not [name for case in CASES.values() for name in LATENCIES & case.expects.keys()]


def test_the_faults_that_must_be_drilled_are() -> None:
    assert {"calm", "worker killed", "workers stalled", "broker down", "dead letters", "slow CRM"} <= CASES.keys()
    assert {"Redis down", "model corrupt", "disk full", "erasure refused"} <= CASES.keys()


def test_windows_waits_and_thresholds_that_are_times_shrink_and_latencies_grow() -> None:
    assert SCALED["LeadstreamLagHigh"]["expr"] == "max by (group) (leadstream_consumer_lag_seconds) > 6"
    assert SCALED["LeadstreamLagHigh"]["for"] == "30000ms"
    assert "> 120\n" in SCALED["LeadstreamProbeBlind"]["expr"]
    slow = SCALED["LeadstreamEventToRoutedSlow"]["expr"]
    assert "[30000ms]" in slow
    assert slow.rstrip().endswith("> 10")
    recorded = [str(it["expr"]) for group in scaling.rules(10)["groups"] for it in group["rules"] if "record" in it]
    assert any('routed_seconds_bucket{le="10.0"}[30000ms]' in it for it in recorded)
    assert not any('le="2.0"' in it for it in recorded)
    assert "offset 90000ms" in SCALED["LeadstreamModelRefused"]["expr"]


def test_at_its_own_pace_nothing_changes_but_how_durations_are_written() -> None:
    unscaled = {it["alert"]: it for group in scaling.rules(1)["groups"] for it in group["rules"] if "alert" in it}
    for name, rule in ALERTS.items():
        same = unscaled[name]
        written = scaling.WINDOW.sub(lambda found: scaling.span(found[0], 1), rule["expr"])
        assert same["expr"] == written
        assert same["labels"] == rule["labels"]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool (apt install prometheus)")
def test_promtool_accepts_the_scaled_rules(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(scaling.rules(10)))
    done = subprocess.run(["promtool", "check", "rules", tmp_path / "rules.yml"], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("amtool") is None, reason="no amtool (apt install prometheus-alertmanager)")
@pytest.mark.parametrize("scale", [1, 10])
def test_amtool_accepts_the_routes(tmp_path: Path, scale: float) -> None:
    written = tmp_path / "alertmanager.yml"
    written.write_text(yaml.safe_dump(scaling.routes(scale, "http://127.0.0.1:9/page", "http://127.0.0.1:9/ticket")))
    done = subprocess.run(["amtool", "check-config", written], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_page_goes_to_whoever_is_on_call_and_a_ticket_does_not() -> None:
    config = yaml.safe_load(scaling.ROUTES.read_text())
    assert config["route"]["receiver"] == "ticket"
    assert [(it["receiver"], it["matchers"]) for it in config["route"]["routes"]] == [("page", ['severity="page"'])]
    named = {
        it.split('"')[1]
        for rule in config["inhibit_rules"]
        for it in rule["source_matchers"]
        if it.startswith('alertname="')
    }
    assert named <= ALERTS.keys()


def test_an_alert_that_came_late_or_never_is_not_recalled_and_a_page_too_many_fails_the_drill() -> None:
    came, late, never = (Fired("A", "page", after, 10.0) for after in (9.0, 11.0, None))
    assert (recall([row(came)]), recall([row(came, late)]), recall([row(never)])) == (1.0, 0.5, 0.0)
    assert good([row(came)])
    assert not good([row(came), row(never)])
    assert not good([row(came, unrelated=("B",))])
    assert "**never**" in table([row(never)], 10)
    assert "**unrelated: B**" in table([row(came, unrelated=("B",))], 10)


def test_a_run_of_some_faults_leaves_the_rows_of_the_others(tmp_path: Path) -> None:
    json, page = tmp_path / "drill.json", tmp_path / "drill.md"
    one, two = row(Fired("A", "page", 9.0, 10.0)), msgspec.structs.replace(row(), name="other")
    write([one, two], 10, ["other", "fault"], json, page)
    late = row(Fired("A", "page", 11.0, 10.0))
    assert write([late], 10, ["other", "fault"], json, page) == [two, late]
    assert "11 s" in page.read_text()


def test_the_desk_notes_what_fires_and_leaves_what_is_over() -> None:
    async def told() -> list[tuple[str, str]]:
        desk = Desk()
        await desk.start()
        began = time.monotonic()
        alerts = [
            {"labels": {"alertname": name}, "status": status}
            for name, status in (("A", "firing"), ("B", "resolved"), ("A", "firing"))
        ]
        async with aiohttp.ClientSession() as session:
            await session.post(desk.url("page"), json={"alerts": alerts, "receiver": "page"})
        found = desk.since(began)
        await desk.stop()
        return [(it.alert, it.severity) for it in found.values()]

    assert asyncio.run(told()) == [("A", "page")]
