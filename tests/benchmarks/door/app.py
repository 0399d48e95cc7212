"""Our application as a module's name, for servers that want one: made when it is imported."""

import os

from connectors.collector import build
from connectors.kafka import producer
from connectors.settings import CollectorSettings

_settings = CollectorSettings.read(os.environ)
app = build(_settings, producer(_settings, _settings.ack_deadline_s))
