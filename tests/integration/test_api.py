"""Schemathesis against a collector that runs: whatever it is sent, it answers as its document says, and never with 5xx.

`make check-api` sends 20,000 requests; the tests a twentieth of them. Half of what is sent is as the document has it,
half is not; most of it is signed by its own sender, so that it comes further than to the door. What the kinds of which
there are few leave over is sent of the others.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from connectors.sources import SOURCES
from streams.runtime.handle import BrokerHandle
from tests.collecting import Collecting, collecting
from tests.contract.sources import senders

pytestmark = [pytest.mark.integration, pytest.mark.timeout(14_400)]
CALLS = int(os.environ.get("LEADSTREAM_API_CALLS", "1000"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
OWNERS = {path: name for name, source in SOURCES.items() for path in source.paths}
DESCRIBED = {"segment", "crm", "snowplow", "ga4"}  # of whose bodies the document says all that is to be said
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


@pytest.fixture(scope="module")
def collector(broker: BrokerHandle) -> Iterator[Collecting]:
    asked = senders.settings(KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap, LEADSTREAM_COLLECTOR_PORT="0")
    with collecting(asked, clock=lambda: senders.NOW) as running:
        yield running


def signed(case: Any) -> dict[str, str]:
    """Dress a case as the path's own sender would: returns headers; what is shown in body or query goes in there."""
    name = OWNERS.get(case.path)
    if name is None or case.method != "POST":
        return {}
    if name == "ga4":
        case.query = dict(case.query or {}) | dict(parse_qsl(senders.ga4_query()))
    sent = {key: value for key, value in case.as_transport_kwargs().items() if key in {"json", "data"}}
    try:
        body = requests.Request("POST", "http://a/", **sent).prepare().body or b""
    except (requests.RequestException, ValueError, TypeError):
        return {}
    whole = body.encode() if isinstance(body, str) else body
    if not isinstance(whole, bytes):
        return {}
    dressed, headers = senders.SENDERS[name].sign(whole, senders.NOW, senders.secrets(name)[0])
    if dressed != whole:
        case.body = json.loads(dressed)
    return headers


def test_whatever_it_is_sent_it_answers_as_its_document_says(collector: Collecting) -> None:
    document = schemathesis.openapi.from_url(f"{collector.url}/openapi.json")
    every: list[Any] = list(document.get_all_operations())
    operations = [found.ok() for found in every]
    assert len(operations) > len(SOURCES)
    statuses, let_in = Counter[int](), Counter[str]()

    def send(case: Any) -> None:
        response = case.call(headers=signed(case), timeout=30)
        statuses[response.status_code] += 1
        let_in[OWNERS.get(case.path, "")] += 200 <= response.status_code < 300
        case.validate_response(response, checks=CHECKS)

    kinds = [(operation, mode) for operation in operations for mode in MODES]
    while (left := CALLS - statuses.total()) > 0:
        each = -(-left // len(kinds))
        kinds = [(operation, mode) for operation, mode in kinds if sent(operation, mode, each, send) == each]
        assert kinds, f"there are no more requests than {statuses.total():,}"
    assert not [status for status in statuses if status >= 500]
    assert {200, 400, 401} <= set(statuses)
    assert not [name for name in DESCRIBED if not let_in[name]], "the door of these was never passed"
    sys.stdout.write(f"{statuses.total():,} calls: {dict(sorted(statuses.items()))}\n")


def sent(operation: Any, mode: GenerationMode, most: int, send: Callable[[Any], None]) -> int:
    """How many requests of a kind were sent: fewer than asked for when there are no more that differ."""
    count = 0

    @given(operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=most,
        deadline=None,
        print_blob=False,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def each(case: Any) -> None:
        nonlocal count
        count += 1
        send(case)

    with suppress(Unsatisfiable):  # nothing can be wrong with a request that has nothing in it
        each()
    return count
