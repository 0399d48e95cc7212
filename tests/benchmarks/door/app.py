"""Our application, for servers that want a function's name."""

import os

from connectors.collector import Collector, build
from connectors.settings import CollectorSettings


def app() -> Collector:
    """Make it, by the settings in the environment."""
    settings = CollectorSettings.read(os.environ)
    return build(settings)
