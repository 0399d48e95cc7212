"""This engine as it is, exactly once. `python -m tests.benchmarks.ours BOOTSTRAP EVENTS`."""

import asyncio
import signal
import sys

from streams.engine.app import build, run
from streams.engine.config import Config
from tests.benchmarks.flow import agents
from tests.benchmarks.meter import Meter
from tests.pipeline import CODEC, PARTITIONS


async def main(bootstrap: str, events: int) -> None:
    """Run until the load is through."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    meter = Meter(events)
    meter.start()
    config = Config({"bootstrap.servers": bootstrap, "enable.metrics.push": False}, partitions=PARTITIONS)
    await run(build(meter.counted(agents()), config, CODEC), stop)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
