"""A worker does not begin on topics that are not as declared: its state would be wrong for ever."""

import pytest

from connectors.kafka import TopicsUnfit
from connectors.settings import WorkerSettings
from streams.app import run_worker
from streams.runtime.handle import BrokerHandle
from tests.pipeline import PARTITIONS, fresh_topics
from tests.traffic import PEPPER, SNAPSHOT_KEY


def test_a_worker_refuses_topics_with_another_number_of_partitions(broker: BrokerHandle) -> None:
    fresh_topics(broker.bootstrap)
    settings = WorkerSettings.read(
        {
            "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap,
            "LEADSTREAM_PEPPER": PEPPER.decode(),
            "LEADSTREAM_SNAPSHOT_KEY": SNAPSHOT_KEY.decode(),
            "LEADSTREAM_PARTITIONS": str(PARTITIONS + 2),
        }
    )
    with pytest.raises(TopicsUnfit, match=r"events\.web has 4 partitions instead of 6"):
        run_worker(settings)
