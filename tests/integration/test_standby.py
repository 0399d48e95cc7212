"""State kept warm: who takes partitions over reads what is new, and not what it has followed all along."""

import time
from pathlib import Path

import pytest

from schemas.topics import LEADS_PROFILES, ROSTERS, VISITORS
from streams.runtime.handle import BrokerHandle
from tests.pipeline import Worker, caught_up, fresh_topics, handled, landed, produce, until
from tests.reference import differences, everything, folded
from tests.traffic import raw_events

pytestmark = [pytest.mark.integration, pytest.mark.needs("real_kafka"), pytest.mark.timeout(300)]


@pytest.mark.parametrize("state", ["memory", "rocksdb"])
def test_a_standby_takes_over_without_reading_it_all_again(broker: BrokerHandle, tmp_path: Path, state: str) -> None:
    fresh_topics(broker.bootstrap)
    folder = "" if state == "memory" else str(tmp_path)
    names = ("dies", "stays")
    dies, stays = (
        Worker(broker.bootstrap, name, tmp_path / f"{name}.log", state_dir=folder, standby=True) for name in names
    )
    traffic = list(raw_events(6_000))
    try:
        dies.start()
        until(lambda: len(dies.owned) > 0)
        stays.start()
        until(lambda: any(0 < it.partitions < dies.owned[0].partitions for it in stays.owned))
        produce(broker.bootstrap, traffic[:5_000])
        until(lambda: handled(broker.bootstrap) >= 5_000, timeout_s=90)
        until(lambda: caught_up(broker.bootstrap))
        time.sleep(3.0)  # for the follower to see the last of it
        changelog = sum(len(landed(broker.bootstrap, topic)) for topic in (VISITORS, LEADS_PROFILES, ROSTERS))
        before = len(stays.owned)
        dies.kill()
        produce(broker.bootstrap, traffic[5_000:])
        until(lambda: len(stays.owned) > before)
        read = stays.owned[before].records
        until(lambda: handled(broker.bootstrap) >= len(traffic), timeout_s=90)
        until(lambda: caught_up(broker.bootstrap))
    finally:
        dies.kill()
        stays.kill()
    assert read < changelog / 50
    log = everything(broker.bootstrap)
    assert differences(log, folded(log)) == []
