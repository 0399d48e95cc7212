"""A worker for tests: the pipeline as it is, but scoring with the scorecard throughout, so that a fold can foretell it.

`python -m tests.worker BOOTSTRAP NAME [AGENTS]`
"""

import asyncio
import logging
import signal
import sys

from schemas.codec import Codec
from schemas.registry import FileRegistry
from schemas.step import Agent
from streams.app import agents
from streams.domain.rotation import Owner
from streams.domain.routing import Routing
from streams.domain.scoring import PRIOR, Scorer
from streams.engine.app import build, run
from streams.engine.config import Config
from tests.traffic import PEPPER, SNAPSHOT_KEY

PARTITIONS = 4
ROUTING = Routing(owners=(Owner("north", weight=2), Owner("south", cap=40)))


def pipeline() -> tuple[Agent, ...]:
    """Return the agents, with a model that never changes."""
    scorer = Scorer(PRIOR)
    return agents(PEPPER, SNAPSHOT_KEY, PARTITIONS, lambda: scorer, ROUTING)


async def main(bootstrap: str, name: str) -> None:
    """Run until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    kafka: dict[str, str | int | float | bool] = {"bootstrap.servers": bootstrap, "enable.metrics.push": False}
    config = Config(kafka, worker=name, partitions=PARTITIONS, round_records=250, session_s=6.0, transaction_s=10.0)
    await run(build(pipeline(), config, Codec(FileRegistry())), stop)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    asyncio.run(main(*sys.argv[1:3]))
