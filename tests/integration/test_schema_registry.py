"""Our schemas in a real registry that speaks Confluent's API: registered, looked up, refused, and out of reach."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import msgspec
import pytest
from confluent_kafka.schema_registry import Schema as RegistrySchema
from confluent_kafka.schema_registry import SchemaRegistryClient

from schemas.codec import Codec
from schemas.records import RoutedLead
from schemas.registry import (
    RECORDS,
    ConfluentRegistry,
    FileRegistry,
    RegistryUnavailable,
    SchemaRefused,
    UnknownSchema,
    current,
    subject_of,
)
from schemas.rejected import Reason, Rejected
from schemas.topics import LEADS_ROUTED
from streams.runtime.handle import BrokerHandle
from streams.runtime.process import free_port
from streams.runtime.registry import RegistryHandle
from tests.builders import routed
from tests.examples import example
from tests.wires import at_the_end, connected, send

pytestmark = pytest.mark.integration
TRAVELLING = sorted(FileRegistry().records())
UNKNOWN = b"\x00" + (999_999).to_bytes(4, "big") + b"\x00"


def register(registry: RegistryHandle, subject: str, schema: Any) -> int:
    """Put a schema there by the client's own means; return its id."""
    with SchemaRegistryClient({"url": registry.url}) as client:
        return int(client.register_schema(subject, RegistrySchema(json.dumps(schema), "AVRO")))


def written(schema_id: int, schema: Any, body: object) -> bytes:
    """Return bytes as another producer would send them."""
    out = BytesIO()
    out.write(b"\x00" + schema_id.to_bytes(4, "big"))
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), body)
    return out.getvalue()


def older(registry: RegistryHandle) -> tuple[bytes, RoutedLead]:
    """Return a routed lead from before its last field was added, and what it should read as now."""
    schema, due = current("RoutedLead"), example("RoutedLead")
    assert isinstance(due, RoutedLead)
    *fields, last = schema["fields"]
    body = msgspec.to_builtins(due, builtin_types=(bytes,))
    del body[last["name"]]
    former = {**schema, "fields": fields}
    value = written(register(registry, subject_of("RoutedLead"), former), former, body)
    return value, msgspec.convert({**body, last["name"]: last["default"]}, RoutedLead)


@contextmanager
def answering(status: int, body: str) -> Iterator[tuple[str, list[str]]]:
    """An address that answers everything alike, and the list of what it was asked for."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def test_every_record_of_ours_goes_there_and_back(schema_registry: RegistryHandle) -> None:
    writer, reader = (Codec(ConfluentRegistry(schema_registry.url)) for _ in range(2))
    for record in map(example, TRAVELLING):
        assert reader.decode(writer.encode(record), (type(record),)) == record


def test_registering_again_gives_the_same_ids(schema_registry: RegistryHandle) -> None:
    first, again = (
        {name: registry.id_of(name) for name in TRAVELLING}
        for registry in (ConfluentRegistry(schema_registry.url), ConfluentRegistry(schema_registry.url))
    )
    assert first == again
    assert len(set(first.values())) == len(TRAVELLING)


@pytest.mark.parametrize("name", TRAVELLING)
def test_the_registry_holds_a_schema_as_we_have_it(schema_registry: RegistryHandle, name: str) -> None:
    registry = ConfluentRegistry(schema_registry.url)
    assert registry.schema_of(registry.id_of(name)) == current(name)


def test_an_older_schema_is_fetched_when_it_is_met(schema_registry: RegistryHandle) -> None:
    codec = Codec(ConfluentRegistry(schema_registry.url), ["RoutedLead"])
    value, due = older(schema_registry)
    assert codec.decode(value, (RoutedLead,)) == due


@pytest.mark.parametrize("schema_id", [0, 999_999, 2**31 - 1, 2**31, 2**32 - 1])
def test_an_id_that_nobody_knows_is_the_events_fault(schema_registry: RegistryHandle, schema_id: int) -> None:
    codec = Codec(ConfluentRegistry(schema_registry.url), ["RoutedLead"])
    with pytest.raises(Rejected) as rejected:
        codec.decode(b"\x00" + schema_id.to_bytes(4, "big") + b"\x00", (RoutedLead,))
    assert rejected.value.reason is Reason.UNKNOWN_SCHEMA


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "record", "name": "elsewhere.RoutedLead", "fields": [{"name": "lead_id", "type": "string"}]},
        {"type": "enum", "name": "elsewhere.Colour", "symbols": ["RED"]},
        {"type": "map", "values": "string"},
        ["null", "string"],
        "string",
    ],
    ids=["record", "enum", "map", "union", "string"],
)
def test_a_schema_that_is_none_of_ours_is_the_events_fault(schema_registry: RegistryHandle, schema: Any) -> None:
    codec = Codec(ConfluentRegistry(schema_registry.url), ["RoutedLead"])
    schema_id = register(schema_registry, f"elsewhere-{json.dumps(schema)[:24]}", schema)
    with pytest.raises(Rejected) as rejected:
        codec.decode(b"\x00" + schema_id.to_bytes(4, "big") + b"\x00", (RoutedLead,))
    assert rejected.value.reason is Reason.UNKNOWN_SCHEMA


def test_an_incompatible_change_is_refused_and_told(
    schema_registry: RegistryHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, subject = ConfluentRegistry(schema_registry.url), subject_of("RoutedLead")
    registry.id_of("RoutedLead")
    with SchemaRegistryClient({"url": schema_registry.url}) as client:
        client.set_compatibility(subject, "BACKWARD")
    changed = current("RoutedLead")
    changed["fields"].append({"name": "novel", "type": "string"})
    monkeypatch.setattr("schemas.registry.current", lambda _: changed)
    with pytest.raises(SchemaRefused, match=rf"SCHEMA_REGISTRY_URL.*RoutedLead\.avsc.*novel.*{subject}.*default"):
        registry.id_of("RoutedLead")
    changed["fields"][-1]["default"] = ""
    assert registry.schema_of(registry.id_of("RoutedLead"))["fields"][-1]["name"] == "novel"


def test_a_registry_that_is_down_at_start_is_named_without_its_password() -> None:
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(RegistryUnavailable) as unavailable:
        Codec(ConfluentRegistry(f"http://leadstream:secret@{address}"))
    assert "SCHEMA_REGISTRY_URL" in str(unavailable.value)
    assert address in str(unavailable.value)
    assert "secret" not in str(unavailable.value)


def test_an_address_that_is_none_is_named() -> None:
    with pytest.raises(RegistryUnavailable, match="SCHEMA_REGISTRY_URL is not"):
        ConfluentRegistry("127.0.0.1:8081")


def test_a_registry_that_goes_away_harms_no_schema_that_was_met(schema_registry: RegistryHandle) -> None:
    if not schema_registry.nodes:
        pytest.skip("the registry was given to us; only the one who runs it can kill it")
    codec = Codec(ConfluentRegistry(schema_registry.url))
    value, due = older(schema_registry)
    codec.decode(value, (RoutedLead,))
    schema_registry.kill()
    try:
        for record in map(example, TRAVELLING):
            assert codec.decode(codec.encode(record), (RECORDS[type(record).__name__],)) == record
        assert codec.decode(value, (RoutedLead,)) == due
        with pytest.raises(RegistryUnavailable):  # not the event's fault yet: nobody can tell
            codec.decode(UNKNOWN, (RoutedLead,))
    finally:
        schema_registry.restart()
    with pytest.raises(Rejected):
        codec.decode(UNKNOWN, (RoutedLead,))


def test_a_registry_that_hangs_is_asked_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        registry = ConfluentRegistry(f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(RegistryUnavailable):
            registry.schema_of(7)
        silent.accept()[0].close()
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):
            silent.accept()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, "no such backend"),
        (401, '{"error_code": 40101, "message": "who are you"}'),
        (503, '{"error_code": 50301, "message": "no leader"}'),
        (200, "<html>the wrong server</html>"),
        (200, '["the wrong server"]'),
    ],
)
def test_an_answer_that_is_not_the_registrys_is_the_worlds_fault(status: int, body: str) -> None:
    with answering(status, body) as (url, asked):
        with pytest.raises(RegistryUnavailable):
            ConfluentRegistry(url).schema_of(7)
        assert len(asked) == 1


def test_a_flood_of_one_unknown_id_is_asked_for_once() -> None:
    with answering(404, '{"error_code": 40403, "message": "Schema not found"}') as (url, asked):
        registry = ConfluentRegistry(url)
        for _ in range(100):
            with pytest.raises(UnknownSchema):
                registry.schema_of(7)
        assert len(asked) == 1


def test_the_example_in_the_documentation_reads_through_it(
    schema_registry: RegistryHandle, broker: BrokerHandle, repository: Path, topic_prefix: str
) -> None:
    environ, lead = connected(broker), f"e-{topic_prefix}"
    group = at_the_end(environ, f"{topic_prefix}crm", LEADS_ROUTED)
    codec = Codec(ConfluentRegistry(schema_registry.url), ["RoutedLead"])
    with subprocess.Popen(
        [sys.executable, str(repository / "docs" / "examples" / "read_routed.py")],
        env={**os.environ, **environ, "SCHEMA_REGISTRY_URL": schema_registry.url, "GROUP": group},
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        try:
            send(environ, LEADS_ROUTED, (lead, codec.encode(routed(lead))))
            assert reader.stdout is not None
            assert reader.stdout.readline() == f"{lead}:1 {lead} sales rep1 hot\n"
        finally:
            reader.kill()
