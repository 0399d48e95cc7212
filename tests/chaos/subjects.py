"""What is tested: how a worker of each subject is started. To add one: a function, and its line in `SUBJECTS`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.chaos.points import VARIABLE

ORDER = "order"  # the file in a run's folder by which its workers are told to die or freeze at a point


class Command(NamedTuple):
    """How one worker is started."""

    arguments: tuple[str, ...]
    environ: dict[str, str]


class Subject(NamedTuple):
    """A kind of worker. `group` is its consumer group; `points` tells whether it obeys `tests.chaos.points`."""

    name: str
    command: Callable[[str, str, Path, str], Command]  # bootstrap, worker's name, a folder for it, memory or rocksdb
    group: str = "leadstream"
    points: bool = False


def ours(bootstrap: str, name: str, folder: Path, state: str) -> Command:
    """The pipeline as it is, `tests/worker.py`."""
    kept = (str(folder / "state"),) if state == "rocksdb" else ()
    return Command((sys.executable, "-m", "tests.worker", bootstrap, name, "0", *kept), {VARIABLE: str(folder / ORDER)})


SUBJECTS = {subject.name: subject for subject in (Subject("ours", ours, points=True),)}
