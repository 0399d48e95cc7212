"""The example in the documentation: a CRM reads routed leads with Confluent's client, from our own registry."""

import os
import subprocess
import sys
import urllib.request
from pathlib import Path

from schemas.topics import LEADS_ROUTED
from streams.runtime.handle import BrokerHandle
from streams.runtime.process import Process, free_port
from tests.builders import routed
from tests.wires import at_the_end, connected, eventually, send


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2.0):
            return True
    except OSError:
        return False


def test_the_example_reads_a_decision(
    broker: BrokerHandle, repository: Path, tmp_path: Path, topic_prefix: str
) -> None:
    environ, lead, port = connected(broker), f"e-{topic_prefix}", free_port()
    group = at_the_end(environ, f"{topic_prefix}crm", LEADS_ROUTED)
    collector = Process(
        command=(sys.executable, "-m", "streams", "collector"),
        log=tmp_path / "collector.log",
        ready="",
        environ=environ | {"LEADSTREAM_COLLECTOR_PORT": str(port), "LEADSTREAM_PEPPER": "0123456789abcdef"},
    )
    collector.start()
    url = f"http://127.0.0.1:{port}"
    eventually(lambda: answers(f"{url}/healthz"))
    with subprocess.Popen(
        [sys.executable, str(repository / "docs" / "examples" / "read_routed.py")],
        env={**os.environ, **environ, "SCHEMA_REGISTRY_URL": url, "GROUP": group},
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        try:
            send(environ, LEADS_ROUTED, (lead, routed(lead)))
            assert reader.stdout is not None
            assert reader.stdout.readline() == f"{lead}:1 {lead} sales rep1 hot\n"
        finally:
            reader.kill()
            collector.stop()
