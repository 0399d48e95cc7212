"""What the engine is told, all of it a value: brokers, names, limits. Durations in seconds."""

from collections.abc import Callable
from typing import NamedTuple

from schemas.records import Record
from streams.engine.offsets import Kafka
from streams.engine.traces import Traces


def _nothing(topic: str, record: Record) -> None:
    """Observe nothing."""


class Config(NamedTuple):
    """What one worker's engine is told.

    `kafka` = librdkafka settings for reaching the brokers (`bootstrap.servers`, security). `worker` names this process
    in its group, uniquely: a process that takes the name over fences its last owner. `static` keeps its partitions for
    it while it restarts, as long as `session_s`; else they move as soon as it leaves.

    `session_s` bounds how long a dead worker's partitions lie idle; `transaction_s` how long its open transaction hides
    what lies behind it; `stall_s` is the watchdog's patience.
    `standby` = keep the state of others' partitions warm. `on_emit` is told each committed output, `traces` (None =
    nobody) each record that carries a trace.
    """

    kafka: Kafka
    group: str = "leadstream"
    worker: str = "worker-0"
    static: bool = False
    partitions: int = 4
    round_records: int = 4_000
    session_s: float = 10.0
    rebalance_s: float = 30.0
    transaction_s: float = 15.0
    stall_s: float = 60.0
    standby: bool = False
    on_emit: Callable[[str, Record], None] = _nothing
    traces: Traces | None = None

    @property
    def instance(self) -> str:
        """The group instance id of a static member; "" for a dynamic one."""
        return self.worker if self.static else ""
