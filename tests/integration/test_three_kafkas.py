"""Three nodes of Apache Kafka that replicate to each other, so that the chaos suite can take one away."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from streams.runtime.handle import BrokerHandle
from streams.runtime.kafka import LocalKafka
from streams.runtime.provider import Wish

pytestmark = [pytest.mark.integration, pytest.mark.needs("real_kafka")]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[BrokerHandle]:
    reason = LocalKafka().available()
    if reason:
        pytest.skip(reason)
    handle = LocalKafka().start(Wish(tmp_path, nodes=3, quick=True))
    yield handle
    handle.stop(timeout=2)


def test_two_of_three_nodes_go_on_without_loss(cluster: BrokerHandle) -> None:
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    admin.create_topics([NewTopic("leads", num_partitions=1, replication_factor=3)])["leads"].result(20)
    producer = Producer({"bootstrap.servers": cluster.bootstrap, "enable.idempotence": True})
    for number in range(50):
        producer.produce("leads", str(number))
    assert producer.flush(20) == 0

    cluster.kill(node=0)
    for number in range(50, 100):
        producer.produce("leads", str(number))
    assert producer.flush(20) == 0

    reader = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": "reader", "enable.auto.commit": False})
    reader.assign([TopicPartition("leads", 0, 0)])
    values = [message.value() for message in reader.consume(100, timeout=20)]
    reader.close()
    assert values == [str(number).encode() for number in range(100)]
