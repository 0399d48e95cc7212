"""What a process shows of what it was never told about."""

import subprocess
import sys

SHOW = "import connectors.metrics, prometheus_client as it; print(it.generate_latest().decode())"


def test_a_probe_that_knows_of_no_redis_does_not_say_that_it_is_down() -> None:
    shown = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, check=True).stdout
    assert "leadstream_redis_up NaN" in shown.splitlines()
