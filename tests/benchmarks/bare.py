"""The ceiling: librdkafka in, the fold, librdkafka out; nothing is kept, nothing committed.

`python -m tests.benchmarks.bare BOOTSTRAP EVENTS`.
"""

import sys

from confluent_kafka import Consumer, Producer, TopicPartition

from streams.engine.garbage import spare
from tests.benchmarks.flow import Flow, agents
from tests.benchmarks.meter import Meter
from tests.pipeline import PARTITIONS, QUIET


def main(bootstrap: str, events: int) -> None:
    """Run until the load is through."""
    meter = Meter(events)
    declared = meter.counted(agents())
    flow = Flow(declared)
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "linger.ms": 2,
            "queue.buffering.max.messages": 1_000_000,
            **QUIET,
        }
    )
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "bench-bare", "enable.auto.commit": False, **QUIET}
    )
    topics = [topic.name for agent in declared for topic in agent.inputs]
    consumer.assign([TopicPartition(topic, partition, 0) for topic in topics for partition in range(PARTITIONS)])
    spare()
    meter.start()
    while True:
        for message in consumer.consume(1_000, timeout=0.02):
            if message.error() is None:
                for sent in flow.apply(str(message.topic()), int(message.partition() or 0), message.value()):
                    producer.produce(sent.topic, sent.value, sent.key)
        producer.poll(0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
