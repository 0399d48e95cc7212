"""A short set of the chaos rows, on one cluster: the same harness as `make chaos`, fewer faults, fewer events.

And one row on stock Faust, which must fail it: a harness that finds nothing there would find nothing here.
"""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from connectors.kafka import ensure
from connectors.settings import Connection
from schemas.topics import EVENTS_WEB
from tests.chaos.case import Case, Step, load
from tests.chaos.cluster import Cluster
from tests.chaos.run import DRAIN_S, run
from tests.chaos.subjects import SUBJECTS

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
EVENTS = 6_000


def short(row: str, *faults: Step, state: str = "memory") -> Case:
    """The row with these faults only, so close together that all meet some load; counts matter, not seconds."""
    case = load(row)
    checks = replace(case.checks, recovery_s=DRAIN_S, progress=0)
    return replace(case, faults=faults, events=EVENTS, over_s=30.0, state=state, checks=checks)


SHORT = (
    short(
        "W1", Step("kill_worker", every_s=(1, 2)), Step("crash_worker", times=5, every_s=(1, 2)), state="rocksdb"
    ),  # each point of a round once
    short(
        "W4",
        Step("come_and_go", times=3, every_s=(2, 4)),
        Step("freeze_worker", options={"points": ["after_flush"]}),
    ),
    short("B1", Step("kill_leader", options={"of": "leads.profiles", "for_s": 8.0})),
)


@pytest.mark.parametrize("case", SHORT, ids=lambda case: case.row)
def test_nothing_is_lost_doubled_or_put_back_in_time(cluster: Cluster, tmp_path: Path, case: Case) -> None:
    row = asyncio.run(run(case, SUBJECTS["ours"], cluster, tmp_path, print))
    assert row.passed, row
    assert (row.lost, row.doubled, row.regressions) == (0, 0, 0)
    assert row.events > EVENTS // 2


def test_the_harness_finds_out_stock_faust(cluster: Cluster, tmp_path: Path) -> None:
    case = replace(short("W1", Step("kill_worker", times=4, every_s=(2, 3))), events=EVENTS // 6)
    row = asyncio.run(run(case, SUBJECTS["naive"], cluster, tmp_path, print))
    assert not row.passed, row
    assert row.lost + row.doubled > 0, row


def test_topics_that_are_made_serve_at_once_each_time(cluster: Cluster) -> None:
    # librdkafka may remember for good that there was no leader: seen in one of a dozen tries on three nodes.
    settings = Connection.read({"KAFKA_BOOTSTRAP_SERVERS": cluster.bootstrap, "LEADSTREAM_REPLICATION": "3"})
    for turn in range(40):
        wanted = [EVENTS_WEB._replace(name=f"made.{turn}.{name}") for name in "ab"]
        made = ensure(settings, wanted)
        assert (len(made.created), made.problems) == (2, ())
