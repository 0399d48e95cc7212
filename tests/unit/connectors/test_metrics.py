"""What a process shows of what it was never told about."""

import socket
import subprocess
import sys

import pytest

from connectors import metrics
from connectors.collector import run
from connectors.settings import SettingsError
from tests.contract.sources.senders import settings

SHOW = "import connectors.metrics, prometheus_client as it; print(it.generate_latest().decode())"


def test_a_probe_that_knows_of_no_redis_does_not_say_that_it_is_down() -> None:
    shown = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, check=True).stdout
    assert "leadstream_redis_up NaN" in shown.splitlines()


def test_a_place_where_nobody_can_listen_is_told_with_its_settings() -> None:
    with pytest.raises(SettingsError, match=r"LEADSTREAM_METRICS_HOST=nosuch[.]host LEADSTREAM_METRICS_PORT=9101"):
        metrics.serve("nosuch.host", 9101)


@pytest.mark.parametrize("host", ["127.0.0.1", "nosuch.host"])
def test_a_collector_that_cannot_listen_says_where_it_was_told_to(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        given = settings(LEADSTREAM_COLLECTOR_HOST=host, LEADSTREAM_COLLECTOR_PORT=str(port))
        with pytest.raises(SettingsError, match=f"LEADSTREAM_COLLECTOR_HOST={host} LEADSTREAM_COLLECTOR_PORT={port}: "):
            run(given)
