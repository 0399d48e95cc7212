"""Official clients for Node and browsers, as the npm registry has them, kept in `build/clients`."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.pipeline import ROOT

__all__ = ["CLIENTS", "packages"]

CLIENTS = ROOT / "build" / "clients"
PACKAGES = (
    "@segment/analytics-next@1.84.3",
    "@segment/analytics-node@3.1.0",
    "@snowplow/browser-tracker@4.10.1",
    "@snowplow/node-tracker@4.8.0",
)


def packages() -> Path:
    """The folder whose `node_modules` has all of them, of these versions; skips the test where they cannot be had."""
    if shutil.which("npm") is None:
        pytest.skip("needs Node: apt-get install npm")
    made = CLIENTS / "made"
    if not made.exists() or made.read_text() != "\n".join(PACKAGES):
        CLIENTS.mkdir(parents=True, exist_ok=True)
        quiet = ("--no-audit", "--no-fund", "--ignore-scripts")
        command = ["npm", "install", *quiet, "--prefix", str(CLIENTS), *PACKAGES]
        got = subprocess.run(command, check=False, capture_output=True, text=True)
        if got.returncode:
            pytest.skip(f"npm does not get the clients: {got.stderr[-300:]}")
        made.write_text("\n".join(PACKAGES))
    return CLIENTS
