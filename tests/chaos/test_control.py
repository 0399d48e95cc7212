"""The control: stock Faust, with the same steps, must fail where it is known to, or the rows prove nothing.

An hour or so: `.venv/bin/pytest -m chaos tests/chaos`. The outcome stands beside ours in docs/chaos.md.
"""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.chaos.case import load
from tests.chaos.cluster import Cluster
from tests.chaos.report import write
from tests.chaos.run import run
from tests.chaos.subjects import SUBJECTS

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1800)]
EVENTS = 6_000


@pytest.mark.parametrize("subject", ["naive", "naive_eos"])
@pytest.mark.parametrize(("row", "passes"), [("F0", True), ("W1", False), ("W4", False), ("P1", False), ("S1", False)])
def test_stock_faust_fails_where_it_is_known_to(
    cluster: Cluster, tmp_path: Path, row: str, subject: str, passes: bool
) -> None:
    case = replace(load(row), events=EVENTS)
    found = asyncio.run(run(case, SUBJECTS[subject], cluster, tmp_path, print))
    write([found])
    assert found.passed is passes, found
    broken = found.lost + found.doubled + found.regressions
    assert passes or broken, "it is data that must be wrong: nobody but us ends with our exit codes"
