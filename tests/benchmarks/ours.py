"""This engine as it is, exactly once. `python -m tests.benchmarks.ours BOOTSTRAP EVENTS [WORKER]`."""

import asyncio
import signal
import sys

from streams.engine.app import build, run
from streams.engine.config import Config
from streams.engine.offsets import Kafka
from tests.benchmarks.flow import agents
from tests.benchmarks.meter import Meter
from tests.pipeline import CODEC, PARTITIONS


async def main(bootstrap: str, events: int, worker: str = "worker-0") -> None:
    """Run until the load is through."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    meter = Meter(events)
    meter.start()
    kafka: Kafka = {"bootstrap.servers": bootstrap, "enable.metrics.push": False}
    config = Config(kafka, worker=worker, partitions=PARTITIONS)
    await run(build(meter.counted(agents()), config, CODEC), stop)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:]))
