"""How busy the machine is with other things: then latencies say more of it than of us."""

import os

BUSY = 1.5  # processes that want to run, for each core
LATENCIES = {
    "LeadstreamEventToRoutedSlow",
    *(f"Leadstream{slo}{pace}" for slo in ("Latency", "Tail", "Freshness") for pace in ("BurnsFastest", "BurnsFast")),
}


def load() -> float:
    """Return how many processes have wanted to run in the last minute, for each core."""
    return os.getloadavg()[0] / (os.cpu_count() or 1)


def excused() -> set[str]:
    """Return the alerts that nobody is to blame for now: those of latencies, on a busy machine; else none."""
    return LATENCIES if load() > BUSY else set()
