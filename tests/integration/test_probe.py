"""The probe sees from outside what no worker can say of itself: that nobody works."""

import time
from pathlib import Path

import pytest

from connectors.probe import GROUPS, Probe
from streams.runtime.handle import BrokerHandle
from tests.pipeline import QUIET, Worker, caught_up, fresh_topics, handled, produce, until
from tests.traffic import raw_events

pytestmark = [pytest.mark.integration, pytest.mark.needs("real_kafka"), pytest.mark.timeout(180)]


def test_lag_rises_while_nobody_works_and_goes_when_somebody_does(broker: BrokerHandle, tmp_path: Path) -> None:
    fresh_topics(broker.bootstrap)
    probe = Probe({"bootstrap.servers": broker.bootstrap, **QUIET}, "leadstream", GROUPS["leadstream"])
    worker = Worker(broker.bootstrap, "w0", tmp_path / "worker.log")
    try:
        assert {(lag.records, lag.seconds) for lag in probe.look(time.time()).values()} == {(0, 0.0)}
        accepted = produce(broker.bootstrap, raw_events(400))
        now = time.time()
        first, later = probe.look(now), probe.look(now + 60)
        assert sum(lag.records for lag in first.values()) == accepted
        assert all(later[topic].seconds == lag.seconds + 60 for topic, lag in first.items() if lag.records)
        worker.start()
        until(lambda: handled(broker.bootstrap) >= accepted)
        until(lambda: caught_up(broker.bootstrap))
        for later_s in (0, 120):  # behind the last record lies a marker, for ever: nobody stands still
            quiet = probe.look(time.time() + later_s).values()
            assert {(lag.records, lag.seconds, lag.still_s, lag.stalled) for lag in quiet} == {(0, 0.0, 0.0, 0)}
    finally:
        worker.kill()
        probe.close()
