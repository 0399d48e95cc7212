"""What is tested: how a worker of each subject is started. To add one: a function, and its line in `SUBJECTS`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.chaos import naive
from tests.chaos.orders import VARIABLE
from tests.reference import Log

ORDER = "order"  # the file in a run's folder by which its workers are told to die or freeze at a point


class Command(NamedTuple):
    """How one worker is started."""

    arguments: tuple[str, ...]
    environ: dict[str, str]


def as_it_is(log: Log) -> Log:
    """Return the log."""
    return log


class Subject(NamedTuple):
    """A kind of worker. `group` is its consumer group; `points` tells whether it obeys `tests.chaos.points`.

    `told` reads its log as the oracle has it; `audits` tells whether it says what it has done, to be held to it.
    """

    name: str
    command: Callable[[str, str, Path, str], Command]  # bootstrap, worker's name, a folder for it, memory or rocksdb
    group: str = "leadstream"
    points: bool = False
    told: Callable[[Log], Log] = as_it_is
    audits: bool = True


def ours(bootstrap: str, name: str, folder: Path, state: str) -> Command:
    """The pipeline as it is, `tests/worker.py`."""
    kept = (str(folder / "state"),) if state == "rocksdb" else ()
    return Command((sys.executable, "-m", "tests.worker", bootstrap, name, "0", *kept), {VARIABLE: str(folder / ORDER)})


def stock(guarantee: str) -> Callable[[str, str, Path, str], Command]:
    """The same steps in stock Faust, `tests.chaos.naive`: it must fail where it is known to."""

    def command(bootstrap: str, name: str, folder: Path, state: str) -> Command:
        return Command(
            (sys.executable, "-m", "tests.chaos.naive", bootstrap, str(folder / "state" / name), state, guarantee), {}
        )

    return command


SUBJECTS = {
    subject.name: subject
    for subject in (
        Subject("ours", ours, points=True),
        Subject("naive", stock("at_least_once"), told=naive.told, audits=False),
        Subject("naive_eos", stock("exactly_once"), told=naive.told, audits=False),
    )
}
