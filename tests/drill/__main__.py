"""Break things one after the other and see who is told, by the committed rules at ten times their pace.

Prometheus and Alertmanager are Debian's (apt-get install prometheus prometheus-alertmanager), Apache Kafka runs from
its jars (Java 17), and the right to mount a small disk (root) is needed. It takes about a quarter of an hour. The
outcome goes to build/drill.json and docs/drill.md.

  make drill                                      every fault
  make drill ARGS="--list"                        the faults
  make drill ARGS="--faults 'Redis down,calm'"    two of them: their rows in the reports, the others stay
"""

import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from streams.runtime.kafka import LocalKafka
from tests.drill.case import Case, cases
from tests.drill.desk import Desk
from tests.drill.report import Row, good, table, write
from tests.drill.run import SCALE, run
from tests.drill.site import Site
from tests.prometheus import missing


def lacking() -> list[str]:
    """Return a sentence for each thing that the drill needs and this machine has not."""
    said = [f"{name} is not installed; apt-get install {name}" for name in missing()]
    if reason := LocalKafka().available():
        said.append(f"Apache Kafka cannot run from its jars: {reason}")
    if os.geteuid() != 0:
        said.append("a small disk must be mounted, to be filled: run it as root")
    return said


def main(arguments: list[str]) -> int:
    """Run the faults asked for; return 0 when the drill is passed, 1 when not, 2 when it cannot be run."""
    asked = _asked(arguments)
    wanted = [case for case in cases() if not asked.faults or case.name in asked.faults.split(",")]
    if asked.list or not wanted:
        sys.stdout.writelines(f"{case.name:<16} {case.title}\n" for case in cases())
        return 0 if asked.list else 2
    if said := lacking():
        sys.stderr.writelines(f"The drill cannot run: {line}\n" for line in said)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends us, nothing is left running
    folder = Path(asked.keep or tempfile.mkdtemp(prefix="leadstream-drill-"))
    names = [case.name for case in cases()]
    rows = asyncio.run(_all(wanted, folder, lambda rows: write(rows, SCALE, names)))
    sys.stdout.write(f"\n{table(rows, SCALE)}")
    if good(rows) and not asked.keep:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        sys.stdout.write(f"logs: {folder}\n")
    return 0 if good(rows) else 1


async def _all(wanted: list[Case], folder: Path, report: Callable[[list[Row]], object]) -> list[Row]:
    site, desk = Site(folder), Desk()
    rows: list[Row] = []
    try:
        await desk.start()
        await site.start()
        for case in wanted:
            row = await run(case, site, desk, folder / case.name.replace(" ", "-"), partial(_say, case.name))
            rows.append(row)
            report(rows)
            told = [f"{it.alert} after {it.after_s:.0f} s" for it in row.expected if it.after_s is not None]
            told += [f"{it.alert} never" for it in row.expected if it.after_s is None]
            told += [f"also {name}" for name in (*row.brought, *row.tickets)]
            told += [f"the machine's {name}" for name in row.machine]
            told += [f"UNRELATED {name}" for name in row.unrelated]
            _say(
                case.name, f"{'passed' if row.passed else 'FAILED'}: {'; '.join(told) or 'nobody was told of anything'}"
            )
    finally:
        await site.stop()
        await desk.stop()
    return rows


def _say(fault: str, text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {fault:<16} {text}\n")
    sys.stdout.flush()


def _asked(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "make drill", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--faults", help="which, by name, 'Redis down,calm'; all when none is named")
    parser.add_argument("--keep", help="a folder for logs, which then stay")
    parser.add_argument("--list", action="store_true", help="only say which faults there are")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
