"""Break things on purpose and count what is left.

Each row is a case of tests/chaos/cases: a load, faults, and what must hold. Three nodes of Apache Kafka are started on
127.0.0.1 (Java 17 is needed), two collectors, some workers; events go in over HTTP; when all is healed and drained, the
whole log is read and held against the pure fold over it. The outcome goes to build/chaos.json and docs/chaos.md.

  make chaos                                        every row, at full size (hours)
  make chaos ARGS="--list"                          the rows
  make chaos ARGS="--rows W1,W4 --events 20000"     two rows, smaller
  make chaos ARGS="--rows I1x --times 20"           one row, fewer faults
  make chaos ARGS="--rows W1 --subject naive"       the same on stock Faust: it must fail
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import msgspec

from streams.runtime.kafka import LocalKafka
from tests.chaos.case import Case, load, rows
from tests.chaos.cluster import Cluster
from tests.chaos.report import JSON, Row, table, write
from tests.chaos.run import run
from tests.chaos.subjects import SUBJECTS


def main(arguments: list[str]) -> int:
    """Run the rows asked for; return how many did not pass."""
    asked = _asked(arguments)
    cases = [_sized(load(row), asked) for row in (asked.rows.split(",") if asked.rows else rows())]
    if asked.list:
        sys.stdout.writelines(f"{case.row:<6} {case.title}\n" for case in cases)
        return 0
    if reason := LocalKafka().available():
        sys.stderr.write(f"chaos needs Apache Kafka from its jars: {reason}\n")
        return 2
    folder = Path(asked.keep or tempfile.mkdtemp(prefix="leadstream-chaos-"))
    found = asyncio.run(_all(cases, asked.subject, folder))
    sys.stdout.write(f"\n{table(found)}\n{JSON} is up to date\n")
    failed = sum(not row.passed for row in found)
    if failed or asked.keep:
        sys.stdout.write(f"logs and ledgers: {folder}\n")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return failed


async def _all(cases: list[Case], subject: str, folder: Path) -> list[Row]:
    cluster = Cluster(folder / "kafka")
    found = []
    try:
        for case in cases:
            began = time.monotonic()
            _say(case.row, f"{case.title}: {case.events} events, seed {case.seed}")
            own = folder / f"{case.row}-{subject}"
            shutil.rmtree(own, ignore_errors=True)  # an earlier run's ledger would be taken for ours
            own.mkdir(parents=True)
            row = await run(case, SUBJECTS[subject], cluster, own, partial(_say, case.row))
            found.append(row)
            write([row])
            word = "passed" if row.passed else "FAILED"
            _say(case.row, f"{word} in {time.monotonic() - began:.0f} s: " + "; ".join(row.notes))
    finally:
        cluster.stop()
    return found


def _say(row: str, text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {row:<5} {text}\n")
    sys.stdout.flush()


def _sized(case: Case, asked: argparse.Namespace) -> Case:
    changed = {
        name: value
        for name in ("events", "seed", "over_s", "state", "leads")
        if (value := getattr(asked, name)) is not None
    }
    if asked.times is not None:
        changed["faults"] = tuple(msgspec.structs.replace(it, times=min(it.times, asked.times)) for it in case.faults)
    return msgspec.structs.replace(case, **changed)


def _asked(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "make chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", help="which, W1,B2; all when none is named")
    parser.add_argument("--events", type=int, help="how many events each row sends, instead of what its case says")
    parser.add_argument("--over-s", type=float, help="over how many seconds they are spread")
    parser.add_argument("--leads", type=int, help="how many leads the changelogs hold before anything is sent")
    parser.add_argument("--times", type=int, help="how often each fault is done at most")
    parser.add_argument("--subject", default="ours", choices=sorted(SUBJECTS), help="whose workers are tested")
    parser.add_argument("--state", choices=("memory", "rocksdb"), help="where workers keep their state")
    parser.add_argument("--seed", type=int, help="of the events and of the faults' times")
    parser.add_argument("--keep", help="a folder for logs and ledgers, which then stay")
    parser.add_argument("--list", action="store_true", help="only say which rows there are")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
