"""A case: what is sent, what goes wrong and when, and what must hold. Cases are data: `cases/<ROW>.yaml`."""

from pathlib import Path
from typing import Any

import msgspec
import yaml

ROCKSDB = "rocksdb"
FOLDER = Path(__file__).parent / "cases"


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fault of `tests.chaos.faults`, done `times` over, each after a pause of `every_s` (from, to) seconds.

    With `for_s` it is any one of the faults `among`, again and again for so many seconds, `at_once` of them at a time.
    """

    do: str = ""
    times: int = 1
    every_s: tuple[float, float] = (2.0, 4.0)
    options: dict[str, Any] = {}
    among: tuple["Step", ...] = ()
    at_once: int = 1
    for_s: float = 0.0


class Checks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What must hold besides "nothing lost, nothing doubled, no regression", which always must.

    `recovery_s` = from the last fault's end until input waits no longer than usual; `progress` = records committed in
    every 10 s of a fault (0 = standing still is allowed); `fenced` = some worker was refused its commit, and what it
    wrote is not visible; `refuses` = while a fault lasted, no 2xx and some 503 with Retry-After, none later than 6 s;
    `buried` = each poisonous record is a dead letter with its reason; `steady` = no worker ends by itself;
    `exit_code` = some worker ends with it; `conflicts` = an id given to a second event gets that event buried;
    `p99_ratio`, `p99_added_s` = how much longer, in a fault, events wait that it does not mean; `served` = the share of
    requests that are answered for good in a fault; `rss_mib` = how much a worker may grow; `beside_s` = how
    soon after the last fault whoever stands beside has all that the log has; `still` = from the first fault on nobody
    comes to own partitions but who has been started again.
    """

    recovery_s: float = 60.0
    progress: int = 0
    fenced: bool = False
    refuses: bool = False
    buried: bool = False
    steady: bool = False
    exit_code: int = 0
    conflicts: bool = False
    p99_ratio: float = 0.0
    p99_added_s: float = 0.0
    served: float = 0.0
    rss_mib: float = 0.0
    beside_s: float = 0.0
    still: bool = False


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row. `over_s` = for how long the events are spread; `workers` how many; `state` memory or rocksdb.

    `beside` = which of `tests.chaos.neighbours` stand beside the pipeline; `leads` = how many the changelogs hold
    before anything is sent; `standby` = workers follow the state of others' partitions; `static` = they are static
    members of their group, as in production.
    """

    row: str
    title: str
    faults: tuple[Step, ...]
    events: int = 100_000
    over_s: float = 120.0
    workers: int = 3
    state: str = "memory"
    beside: tuple[str, ...] = ()
    leads: int = 0
    standby: bool = False
    static: bool = False
    checks: Checks = Checks()
    seed: int = 7


def load(row: str) -> Case:
    """Return a case. Raises `FileNotFoundError`, or `msgspec.ValidationError` naming what is odd in it."""
    return msgspec.convert(yaml.safe_load((FOLDER / f"{row}.yaml").read_text()), Case)


def rows() -> list[str]:
    """Return the names of all cases."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))
