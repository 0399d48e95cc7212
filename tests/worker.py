"""A worker for tests: the pipeline as it is, but scoring with the scorecard throughout, so that a fold can foretell it.

`python -m tests.worker BOOTSTRAP NAME [SHARE [FOLDER]]`: with a share, one raw event in that many makes its code raise;
with a folder, state rests there in RocksDB; with WORKER_REGISTRY_URL, schema ids come from that registry; with
WORKER_STATIC, it is a static member of its group; with POINTS_FILE, it dies or freezes at a point of a round when told
to (`tests.chaos.points`).
"""

import asyncio
import os
import signal
import sys
import zlib

from connectors.log import install
from schemas.codec import Codec
from schemas.records import RawEvent, Record
from schemas.registry import open_registry
from schemas.sighting import Sign
from schemas.step import Agent, Applied, States
from streams import app
from streams.app import stores
from streams.cards import card
from streams.domain.blend import Blend
from streams.domain.rotation import Owner
from streams.domain.routing import Routing
from streams.engine.app import build, run
from streams.engine.config import Config
from streams.judges import judge
from tests.chaos import points
from tests.pipeline import PARTITIONS
from tests.traffic import PEPPER, SNAPSHOT_KEY

JUDGE = judge(Sign, "", 60, PARTITIONS)
ROUTING = Routing(owners=(Owner("north", weight=2), Owner("south", cap=40)))


def pipeline() -> tuple[Agent, ...]:
    """Return the agents, with a model that never changes."""
    scorer = Blend(card())
    return app.agents(PEPPER, SNAPSHOT_KEY, PARTITIONS, lambda: scorer, ROUTING, judge=JUDGE)


def breaking(agent: Agent, share: int) -> Agent:
    """Return the agent with a bug that one record in `share` meets, always the same ones."""

    def step(states: States, record: Record) -> Applied:
        if isinstance(record, RawEvent) and zlib.crc32(record.event_id.encode()) % share == 0:
            raise ZeroDivisionError("a bug")
        return agent.step(states, record)

    return agent._replace(step=step)


async def main(bootstrap: str, name: str, share: str = "0", folder: str = "") -> None:
    """Run until SIGTERM."""
    points.install()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    kafka: dict[str, str | int | float | bool] = {"bootstrap.servers": bootstrap, "enable.metrics.push": False}
    static = bool(os.environ.get("WORKER_STATIC"))
    config = Config(
        kafka,
        worker=name,
        static=static,
        standby=bool(os.environ.get("WORKER_STANDBY")),
        partitions=PARTITIONS,
        round_records=250,
        session_s=30.0 if static else 6.0,  # time to start again on a busy machine
        transaction_s=10.0,
    )
    agents = [breaking(agent, int(share)) if int(share) else agent for agent in pipeline()]
    codec = Codec(open_registry(os.environ.get("WORKER_REGISTRY_URL")))
    await run(build(agents, config, codec, stores(folder, name)), stop)


if __name__ == "__main__":
    install("worker", {})
    asyncio.run(main(*sys.argv[1:]))
