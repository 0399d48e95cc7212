"""Schemathesis against a collector that runs: whatever it is sent, it answers as its document says, and never with 5xx.

`make check-api` sends 20,000 requests; the tests a twentieth of them. Half of what is sent is as the document has it,
half is not; most of it is signed by its own sender, so that it comes further than to the door.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

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

pytestmark = [pytest.mark.integration, pytest.mark.timeout(3_600)]
CALLS = int(os.environ.get("LEADSTREAM_API_CALLS", "1000"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
OWNERS = {path: name for name, source in SOURCES.items() for path in source.paths}
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


@pytest.fixture(scope="module")
def collector(broker: BrokerHandle) -> Iterator[Collecting]:
    asked = senders.settings(KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap, LEADSTREAM_COLLECTOR_PORT="0")
    with collecting(asked, clock=lambda: senders.NOW) as running:
        yield running


def credentials(case: Any) -> dict[str, str]:
    """What the path's own sender would show with this body."""
    name = OWNERS.get(case.path)
    if name is None or case.method != "POST":
        return {}
    sent = {key: value for key, value in case.as_transport_kwargs().items() if key in {"json", "data"}}
    try:
        body = requests.Request("POST", "http://a/", **sent).prepare().body or b""
    except (requests.RequestException, ValueError, TypeError):
        return {}
    whole = body.encode() if isinstance(body, str) else body
    if not isinstance(whole, bytes):
        return {}
    return senders.SENDERS[name].sign(whole, senders.NOW, senders.secrets(name)[0])[1]


def test_whatever_it_is_sent_it_answers_as_its_document_says(collector: Collecting) -> None:
    document = schemathesis.openapi.from_url(f"{collector.url}/openapi.json")
    every: list[Any] = list(document.get_all_operations())
    operations = [found.ok() for found in every]
    assert len(operations) > len(SOURCES)
    statuses: Counter[int] = Counter()
    each = max(1, CALLS // (len(operations) * len(MODES)))
    for operation in operations:
        for mode in MODES:

            @given(operation.as_strategy(generation_mode=mode))
            @settings(
                max_examples=each,
                deadline=None,
                print_blob=False,
                database=None,
                phases=[Phase.explicit, Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            def send(case: Any) -> None:
                response = case.call(headers=credentials(case), timeout=30)
                statuses[response.status_code] += 1
                case.validate_response(response, checks=CHECKS)

            with suppress(Unsatisfiable):  # nothing can be wrong with a request that has nothing in it
                send()
    assert not [status for status in statuses if status >= 500]
    assert {200, 400, 401} <= set(statuses)
    sys.stdout.write(f"{statuses.total():,} calls: {dict(sorted(statuses.items()))}\n")
