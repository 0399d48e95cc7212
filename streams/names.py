"""What a worker is called among the others of its group."""

import os
import socket

from connectors.settings import WorkerSettings


def named(settings: WorkerSettings) -> str:
    """Return the given name, else one that no other process of this machine has."""
    return settings.worker_name or f"{socket.gethostname()}-{settings.metrics_port or os.getpid()}"
