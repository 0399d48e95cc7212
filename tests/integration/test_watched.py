"""The whole set-up under a real Prometheus: panels show something, series stay few, two workers add up."""

import asyncio
import base64
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from streams.cli.stack import Stack
from streams.demo.crm import Crm
from streams.demo.generator import generate
from streams.demo.ledger import Ledger
from streams.demo.senders import Keys, Senders, sendgrid_key
from tests.contract.test_observability import PANELS, SHOWN
from tests.prometheus import Prometheus, missing
from tests.wires import eventually

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(600),
    pytest.mark.skipif(bool(missing()), reason=f"nothing is watched: apt-get install {' '.join(missing())}"),
]

WORKERS = 2
EVENTS, LEADS, BATCH = 600, 10_000, 500
WINDOW = "20s"  # what Grafana would make of $__rate_interval at this pace
MOST, GROWTH = 1_000, 50  # series of a process; what random strings may add
PATIENCE_S = 180.0
UNDER_WAY = 3  # canaries, one a second, are somewhere between the collector and a worker


class Watched(NamedTuple):
    """A pipeline that has had traffic, and who watches it.

    `accepted` = what the collector said it took; `wishes` = the erasures that were asked for past it.
    """

    stack: Stack
    prometheus: Prometheus
    accepted: int
    wishes: list[str]

    def number(self, expr: str) -> float:
        """The one value of a query; NaN where there is none."""
        found = self.prometheus.query(expr)
        return float(found[0]["value"][1]) if found else math.nan


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    private, public = sendgrid_key()
    crm = Crm()
    fast = {"LEADSTREAM_CANARY_EVERY_S": "1", "LEADSTREAM_PROBE_EVERY_S": "1", "LEADSTREAM_AUDIT_GRACE_S": "1"}
    doors = {"LEADSTREAM_SENDGRID_PUBLIC_KEY": public, "LEADSTREAM_SINK": "webhook", "LEADSTREAM_WEBHOOK_URL": crm.url}
    stack = Stack(broker="embedded", processes=WORKERS, probe=True, environ=fast | doors)
    with stack:
        crm.secret = stack.environ["LEADSTREAM_WEBHOOK_SECRET"]
        prometheus = Prometheus(tmp_path_factory.mktemp("prometheus"), targets(stack))
        prometheus.start()
        try:
            key, google = stack.key("LEADSTREAM_WRITE_KEYS"), stack.environ["LEADSTREAM_GOOGLE_KEY"]
            keys, ledger = Keys(key, stack.key("LEADSTREAM_CRM_KEYS"), google, private), Ledger()
            asyncio.run(Senders(stack.url, keys, EVENTS / 20).play(list(generate(1, EVENTS, time.time())), ledger))
            yield Watched(stack, prometheus, ledger.taken, [])
        finally:
            prometheus.stop()
            crm.stop()


def targets(stack: Stack) -> dict[str, list[str]]:
    """Where each process shows its metrics."""
    found = {name: [stack.metrics(name).split("/")[2]] for name in stack.children}
    host, _, port = found["worker"][0].rpartition(":")
    return found | {"worker": [f"{host}:{int(port) + number}" for number in range(WORKERS)]}


def shown(watched: Watched, expr: str) -> bool:
    """Whether a panel's query has something to draw."""
    found = watched.prometheus.query(expr.replace("$__rate_interval", WINDOW))
    return any(not math.isnan(float(series["value"][1])) for series in found)


def erase(watched: Watched) -> None:
    """Erase somebody whom nobody knows: what a panel shows of erasures is how long one took just now."""
    who = f"nobody{len(watched.wishes)}@example.com"
    command = [sys.executable, "-m", "streams", "erase", "--email", who, "--yes"]
    subprocess.run(command, env={**os.environ, **watched.stack.environ}, check=True, capture_output=True, timeout=60)
    watched.wishes.append(who)


def test_every_panel_has_something_to_show(watched: Watched) -> None:
    empty = {(title, expr) for title, exprs in SHOWN.items() for expr in exprs}
    assert len(empty) > len(PANELS) > 40

    def all_shown() -> bool:
        if any("erasure" in expr for _, expr in empty):
            erase(watched)
        empty.difference_update({(title, expr) for title, expr in empty if shown(watched, expr)})
        return not empty

    try:
        eventually(all_shown, patience_s=PATIENCE_S)
    finally:
        assert sorted(empty) == []


def test_two_workers_share_the_work_and_add_up_to_all_of_it(watched: Watched) -> None:
    dealt = 'leadstream_stage_events_total{stage="resolve", fate!="rekeyed"}'
    left = f"sum(leadstream_events_accepted_total) - sum({dealt})"
    eventually(lambda: 0 <= watched.number(left) + len(watched.wishes) <= UNDER_WAY, patience_s=PATIENCE_S)
    assert watched.number("sum(leadstream_events_accepted_total)") >= watched.accepted
    each = watched.prometheus.query(f"sum by (instance) ({dealt})")
    assert len(each) == WORKERS
    assert all(float(series["value"][1]) > 0 for series in each)


def test_random_strings_make_no_series_and_no_process_has_many(watched: Watched) -> None:
    dealt = 'sum(leadstream_stage_events_total{stage="qualify", fate!="dead_letter"})'
    before, begun = series(watched), watched.number(dealt)
    rng = random.Random(7)
    for _ in range(LEADS // BATCH):
        post(watched.stack, {"batch": [lead(rng) for _ in range(BATCH)]})
    eventually(lambda: watched.number(dealt) >= begun + LEADS, patience_s=PATIENCE_S)
    time.sleep(2.0)  # one more scrape
    after = series(watched)
    assert after.keys() == before.keys()
    assert {name: count for name, count in after.items() if count > MOST} == {}
    assert {name: count - before[name] for name, count in after.items() if count - before[name] > GROWTH} == {}


def test_the_first_worker_that_is_killed_is_counted(watched: Watched) -> None:
    exits = 'sum(increase(leadstream_worker_exits_total{reason="killed"}[10m]))'
    assert watched.number(exits) == 0
    keeper = watched.stack.children["worker"].pid
    worker = Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()[0]
    os.kill(int(worker), signal.SIGKILL)
    eventually(lambda: watched.number(exits) > 0, patience_s=PATIENCE_S)


def series(watched: Watched) -> dict[str, int]:
    """How many series each process shows."""
    found = watched.prometheus.query("scrape_samples_scraped")
    return {f"{it['metric']['job']} {it['metric']['instance']}": int(it["value"][1]) for it in found}


def lead(rng: random.Random) -> dict[str, Any]:
    """A page view of somebody new, whose campaign and tenant are strings that nobody else has."""
    odd = {name: rng.randbytes(8).hex() for name in ("source", "medium", "name", "term", "content", "tenant")}
    who = rng.randbytes(8).hex()
    return {
        "type": "page",
        "messageId": who,
        "anonymousId": who,
        "userId": f"{who}@{odd['tenant']}.example",
        "properties": {"path": f"/{odd['term']}", "tenant": odd["tenant"]},
        "context": {
            "campaign": odd,
            "groupId": odd["tenant"],
            "consent": {"categoryPreferences": {"analytics": True, "marketing": True, "contact": True}},
        },
    }


def post(stack: Stack, body: object) -> None:
    """Send a batch as a server library does."""
    key = base64.b64encode(f"{stack.key('LEADSTREAM_WRITE_KEYS')}:".encode()).decode()
    headers = {"authorization": f"Basic {key}", "content-type": "application/json"}
    request = urllib.request.Request(f"{stack.url}/v1/batch", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200
