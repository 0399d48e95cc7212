"""The OpenAPI document says what the collector serves, all of it and nothing else."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.collector import Collector, build
from connectors.openapi import document as described
from connectors.snippet import PATH as SNIPPET
from schemas.registry import FileRegistry, subject_of
from streams.runtime.handle import BrokerHandle
from tests.collecting import Collecting, collecting
from tests.contract.sources.senders import settings

GIVEN = {"subject": subject_of("RoutedLead"), "version": "1", "id": str(FileRegistry().records()["RoutedLead"][0])}


@pytest.fixture(scope="module")
def collector(broker: BrokerHandle) -> Iterator[Collecting]:
    asked = settings(KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap, LEADSTREAM_COLLECTOR_PORT="0")
    with collecting(asked) as running:
        yield running


@pytest.fixture(scope="module")
def document(collector: Collecting) -> Any:
    answer = collector.ask("/openapi.json")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    return json.loads(answer.body)


@pytest.fixture(scope="module")
def app(collector: Collecting) -> Collector:
    """The same application as the one that listens, to look inside."""
    return build(collector.settings)


def test_every_path_that_is_served_is_in_it_and_no_other(app: Collector, document: Any) -> None:
    ours = set(app._routes) | set(app._pages) | {SNIPPET}
    registry = {path for path in document["paths"] if path.startswith(("/subjects", "/schemas", "/config"))}
    assert set(document["paths"]) == ours | registry
    assert len(registry) == 6


def test_what_it_names_is_answered_and_what_it_does_not_name_is_refused(collector: Collecting, document: Any) -> None:
    for path, operations in document["paths"].items():
        where = re.sub(r"\{(\w+)\}", lambda name: GIVEN[name[1]], path)
        for method in ("get", "post"):
            body = b"{}" if method == "post" else None
            answer = collector.ask(where, body, method=method.upper())
            there = answer.status not in (404, 405)
            assert there == (method in operations), f"{method} {path} is answered {answer.status}"
            if there:
                assert str(answer.status) in operations[method]["responses"]


def test_refusals_have_the_form_that_it_says(collector: Collecting, document: Any) -> None:
    trouble = document["components"]["schemas"]["Trouble"]
    for path, operations in document["paths"].items():
        if "post" in operations:
            answer = collector.ask(path, b"{", content_type="application/json")
            assert set(trouble["required"]) <= set(answer.json())


def test_each_operation_has_a_name_of_its_own(document: Any) -> None:
    names = [
        operation["operationId"]
        for operations in document["paths"].values()
        for operation in operations.values()
        if "operationId" in operation
    ]
    assert len(names) == len(set(names)) > 30


def test_a_collector_with_a_registry_of_the_operators_own_does_not_speak_of_ours() -> None:
    assert b"/subjects" in described([])
    assert b"/subjects" not in described([], registry=False)
