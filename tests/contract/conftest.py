"""What commands that write events themselves are tested with."""

from collections.abc import Callable

import pytest

from schemas.records import RawEvent
from schemas.topics import EVENTS_CRM
from streams.runtime.handle import BrokerHandle
from tests.arrivals import arriving
from tests.traffic import PEPPER
from tests.wires import connected


@pytest.fixture
def environ(broker: BrokerHandle) -> dict[str, str]:
    """What such a command is told."""
    return connected(broker) | {"LEADSTREAM_PEPPER": PEPPER.decode()}


@pytest.fixture
def sent(environ: dict[str, str], broker: BrokerHandle) -> Callable[[], list[RawEvent]]:
    """What has come to events.crm since the test began."""
    return arriving(environ, broker.bootstrap, EVENTS_CRM)
