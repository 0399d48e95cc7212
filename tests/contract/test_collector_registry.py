"""The collector's schema registry API, asked by Confluent's own client and deserializer."""

import json
from collections.abc import Iterator

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.schema_registry.error import SchemaRegistryError

from connectors.registry import RegistryApi
from schemas.codec import Codec
from schemas.registry import FileRegistry, current, subject_of
from streams.runtime.handle import BrokerHandle
from tests.builders import routed
from tests.collecting import collecting
from tests.contract.sources.senders import settings


@pytest.fixture(scope="module")
def registry(broker: BrokerHandle) -> Iterator[SchemaRegistryClient]:
    asked = settings(KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap, LEADSTREAM_COLLECTOR_PORT="0")
    with collecting(asked) as collector, SchemaRegistryClient({"url": collector.url}) as client:
        yield client


def test_a_stock_deserializer_reads_a_routed_lead(registry: SchemaRegistryClient) -> None:
    lead = AvroDeserializer(registry)(Codec(FileRegistry()).encode(routed(score=0.8)), None)
    assert isinstance(lead, dict)
    assert (lead["lead_id"], lead["stage"], lead["score"]) == ("e-1", "mql", 0.8)


def test_the_stock_client_finds_every_subject_and_its_latest_version(registry: SchemaRegistryClient) -> None:
    known = FileRegistry().records()
    assert registry.get_subjects() == sorted(subject_of(record) for record in known)
    for record, ids in known.items():
        latest = registry.get_latest_version(subject_of(record))
        assert (latest.schema_id, latest.version) == (ids[-1], len(ids))
        assert latest.schema.schema_str is not None
        assert json.loads(latest.schema.schema_str) == current(record)
        assert registry.get_versions(subject_of(record)) == list(range(1, len(ids) + 1))


def test_the_stock_client_is_told_what_is_not_there(registry: SchemaRegistryClient) -> None:
    with pytest.raises(SchemaRegistryError, match="40403"):
        registry.get_schema(99_999)
    with pytest.raises(SchemaRegistryError, match="40401"):
        registry.get_latest_version("leadstream.v1.Nothing")


@pytest.mark.parametrize("path", ["/", "/subjects/a/b", "/schemas", "/schemas/ids", "/schemas/ids/1/2"])
def test_other_paths_are_not_the_registrys(path: str) -> None:
    assert RegistryApi().answer(path) is None


@pytest.mark.parametrize("version", ["0", "-1", "99", "first", "²"])
def test_versions_count_from_one(version: str) -> None:
    answer = RegistryApi().answer(f"/subjects/{subject_of('RoutedLead')}/versions/{version}")
    assert answer is not None
    assert answer[0] == 404
