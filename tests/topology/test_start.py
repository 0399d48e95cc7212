"""A worker does not begin on topics that are not as declared: its state would be wrong for ever."""

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from connectors.kafka import TopicsUnfit
from connectors.settings import WorkerSettings
from schemas.topics import LEADS_PROFILES
from streams.app import run_worker
from streams.runtime.handle import BrokerHandle
from tests.pipeline import PARTITIONS, fresh_topics
from tests.traffic import PEPPER, SNAPSHOT_KEY


def settings(broker: BrokerHandle, partitions: int = PARTITIONS) -> WorkerSettings:
    return WorkerSettings.read(
        {
            "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap,
            "LEADSTREAM_PEPPER": PEPPER.decode(),
            "LEADSTREAM_SNAPSHOT_KEY": SNAPSHOT_KEY.decode(),
            "LEADSTREAM_PARTITIONS": str(partitions),
        }
    )


def test_a_worker_refuses_topics_with_another_number_of_partitions(broker: BrokerHandle) -> None:
    fresh_topics(broker.bootstrap)
    with pytest.raises(TopicsUnfit, match=r"events\.web, .* have 4 partitions instead of 6; set LEADSTREAM_PART"):
        run_worker(settings(broker, PARTITIONS + 2))


def test_a_worker_refuses_topics_that_forget_deletions_sooner_than_its_state_is_trusted(broker: BrokerHandle) -> None:
    fresh_topics(broker.bootstrap)
    day = ConfigEntry("delete.retention.ms", "86400000", incremental_operation=AlterConfigOpType.SET)
    forgetful = ConfigResource(ResourceType.TOPIC, LEADS_PROFILES.name, incremental_configs=[day])
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    admin.incremental_alter_configs([forgetful])[forgetful].result(20)
    with pytest.raises(TopicsUnfit, match=r"leads\.profiles has delete\.retention\.ms=86400000"):
        run_worker(settings(broker))
