"""Read routed leads with Confluent's own client: what a CRM integration needs to know of Leadstream's topics."""

import os

from confluent_kafka import DeserializingConsumer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer

registry = SchemaRegistryClient({"url": os.environ["SCHEMA_REGISTRY_URL"]})  # yours, or the collector's own address
brokers = {"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"], "auto.offset.reset": "earliest"}
group = {"group.id": os.environ.get("GROUP", "my-crm"), "isolation.level": "read_committed"}  # decisions that were kept
consumer = DeserializingConsumer({**brokers, **group, "value.deserializer": AvroDeserializer(registry)})
consumer.subscribe(["leads.routed"])
while True:
    if (message := consumer.poll(1.0)) is not None and message.error() is None:
        lead = message.value()
        print(lead["decision_id"], lead["lead_id"], lead["destination"], lead["owner"], lead["rule"], flush=True)
