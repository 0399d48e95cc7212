"""What lies on a worker's disk is held against the changelog; and partitions that moved are found."""

import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from schemas.topics import VISITORS
from streams.engine.rocks import RocksStore
from tests.chaos.case import Checks
from tests.chaos.conduct import stillness
from tests.chaos.disks import held
from tests.chaos.world import Trouble
from tests.pipeline import Landed

NAME = VISITORS.name
LOG = {
    NAME: [
        Landed(0, 0, "a", b"1", VISITORS),
        Landed(0, 1, "b", b"1", VISITORS),
        Landed(1, 0, "c", b"other partition", VISITORS),
        Landed(0, 2, "gone", b"1", VISITORS),
        Landed(0, 3, "gone", None, VISITORS),
        Landed(0, 4, "b", b"2", VISITORS),
    ]
}


@pytest.mark.parametrize(
    ("rows", "position", "found"),
    [
        ({b"a": b"1", b"b": b"2"}, 5, (0, 0)),
        ({b"a": b"1", b"b": b"1"}, 4, (0, 0)),
        ({b"a": b"1"}, 5, (1, 0)),
        ({b"a": b"1", b"b": b"1"}, 5, (1, 0)),
        ({b"a": b"1", b"b": b"2", b"gone": b"1"}, 5, (0, 1)),
        ({b"a": b"1", b"b": b"2", b"c": b"other partition"}, 5, (0, 1)),
    ],
    ids=["whole", "an older owner's", "a row is lost", "a row is old", "a deletion is lost", "another partition's row"],
)
def test_rows_on_disk_are_those_of_the_changelog(
    rows: dict[bytes, bytes], position: int, found: tuple[int, int], tmp_path: Path
) -> None:
    store = RocksStore(tmp_path / "w0" / f"{NAME}-0", time.time())
    store.apply(rows, position, time.time())
    store.close()
    verdict = held(tmp_path, LOG)
    assert (verdict.lost, verdict.doubled) == found
    assert bool(verdict.notes) is (found != (0, 0))


@pytest.mark.parametrize("moved", [False, True])
def test_who_has_not_been_started_again_comes_to_own_nothing(moved: bool, tmp_path: Path) -> None:
    first, wall = time.monotonic(), time.time()

    def worker(name: str, lives: int, *came_s: float) -> SimpleNamespace:
        stamps = [time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(wall + at)) + ".000Z" for at in came_s]
        lines = [
            f"{at} INFO     streams.engine.host: own partitions  records=0 partitions=4 took_s=0.1" for at in stamps
        ]
        log = tmp_path / name
        log.write_text("\n".join(["what it says at first", *lines, ""]))
        return SimpleNamespace(log=log, lives=[None] * lives)

    kept = worker("w1", 1, -20.0, *([5.0] if moved else []))
    workers = {"w0": worker("w0", 2, -30.0, -20.0, 10.0), "w1": kept}
    world = SimpleNamespace(troubles=[Trouble("roll", first, first + 20.0)], workers=SimpleNamespace(workers=workers))
    assert bool(stillness(Checks(still=True), world)) is moved  # type: ignore[arg-type]
    assert stillness(Checks(), world) == []  # type: ignore[arg-type]
