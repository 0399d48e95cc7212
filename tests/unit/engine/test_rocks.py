"""State on disk under every fault: damaged, stale, full, shared, killed. It is sound, or it is thrown away."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from rocksdict import Rdict, WriteBatch

from schemas.topics import LEADS_PROFILES
from streams.engine.rocks import BROKEN, SKEW_S, WHOLE_AT, RocksStore
from streams.engine.store import STALE_S, Store, StoreBroken

NOW = 1_795_000_000.0
ROWS: dict[bytes, bytes | None] = {b"k%d" % number: os.urandom(300) for number in range(2_000)}
KILLS = 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with 2,000 rows, closed in good order."""
    made = RocksStore(tmp_path / "state", NOW)
    made.reset("log-1", NOW)
    made.apply(ROWS, 42, NOW)
    made.close()
    return tmp_path / "state"


def state(folder: Path, now: float = NOW) -> tuple[str, int, int]:
    """Return what a worker finds that starts then: changelog, position, rows."""
    store = RocksStore(folder, now)
    found = store.log, store.position, len(list(store.items()))
    store.close()
    return found


WHOLE, REBUILT = ("log-1", 42, 2_000), ("", 0, 0)


def flip(folder: Path) -> None:
    for table in folder.glob("*.sst"):
        text = bytearray(table.read_bytes())
        text[:20_000] = bytes(byte ^ 0xFF for byte in text[:20_000])
        table.write_bytes(bytes(text))


def each(folder: Path, pattern: str, change: Callable[[Path], object]) -> None:
    found = list(folder.glob(pattern))
    assert found
    for path in found:
        change(path)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "flipped bytes": flip,
    "a truncated table": lambda folder: each(folder, "*.sst", lambda path: os.truncate(path, 5_000)),
    "an empty table": lambda folder: each(folder, "*.sst", lambda path: os.truncate(path, 0)),
    "a missing table": lambda folder: each(folder, "*.sst", Path.unlink),
    "a missing manifest": lambda folder: each(folder, "MANIFEST*", Path.unlink),
    "a mangled manifest": lambda folder: each(folder, "MANIFEST*", lambda path: path.write_bytes(b"\xff" * 100)),
    "a missing pointer": lambda folder: (folder / "CURRENT").unlink(),
    "a mangled pointer": lambda folder: (folder / "CURRENT").write_bytes(b"nowhere"),
    "a mark that it broke": lambda folder: (folder / BROKEN).touch(),
    "no time at which it was whole": lambda folder: rewrite(folder, None),
    "a time that is none": lambda folder: rewrite(folder, b"soon"),
    "nothing left": lambda folder: each(folder, "*", Path.unlink),
}


def rewrite(folder: Path, whole_at: bytes | None) -> None:
    store = RocksStore(folder, NOW)
    batch = WriteBatch(raw_mode=True)
    if whole_at is None:
        batch.delete(WHOLE_AT)
    else:
        batch.put(WHOLE_AT, whole_at)
    store._write(batch)
    store.close()


def test_a_folder_left_in_good_order_is_used_again(folder: Path) -> None:
    assert state(folder) == WHOLE


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_folder_is_rebuilt_and_works_again(damage: Callable[[Path], object], folder: Path) -> None:
    damage(folder)
    assert state(folder) == REBUILT
    again = RocksStore(folder, NOW)
    again.apply({b"a": b"1"}, 1, NOW)
    again.close()
    assert state(folder) == ("", 1, 1)


def test_a_folder_that_cannot_be_thrown_away_is_not_used_and_thrown_away_later(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object, **__: object) -> None:
        raise OSError(errno.EBUSY, "a network disk keeps a file that somebody has open")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", busy)
        with pytest.raises(StoreBroken, match="network disk"):
            RocksStore(folder, NOW + STALE_S + 60)
    assert state(folder) == REBUILT


def read_all(store: Store) -> None:
    for key in ROWS:
        store.get(key)


def list_all(store: Store) -> None:
    list(store.items())


@pytest.mark.parametrize("meet", [read_all, list_all])
def test_damage_met_while_it_works_ends_the_worker_and_the_next_one_rebuilds(
    meet: Callable[[Store], None], folder: Path
) -> None:
    store = RocksStore(folder, NOW)
    flip(folder)
    with pytest.raises(StoreBroken):
        meet(store)
    store.close()
    assert state(folder) == REBUILT


AGES = {
    "just now": (0.0, WHOLE),
    "before deletions are forgotten": (STALE_S - 60, WHOLE),
    "after deletions may have been forgotten": (STALE_S + 60, REBUILT),
    "a little ahead of our clock": (60 - SKEW_S, WHOLE),
    "in the future": (-60 - SKEW_S, REBUILT),
}


@pytest.mark.parametrize(("age_s", "found"), AGES.values(), ids=AGES)
def test_state_is_trusted_by_when_it_was_last_whole(age_s: float, found: tuple[str, int, int], folder: Path) -> None:
    assert state(folder, NOW + age_s) == found


def test_state_that_was_only_ever_read_halfway_does_not_grow_younger(folder: Path) -> None:
    store = RocksStore(folder, NOW + STALE_S - 60)
    store.apply({b"read": b"halfway"}, 43)  # a restore that did not come to the end
    store.close()
    assert state(folder, NOW + STALE_S + 60) == REBUILT


def test_stale_means_half_of_what_the_topic_keeps_deletions_for() -> None:
    assert float(LEADS_PROFILES.config()["delete.retention.ms"]) == pytest.approx(2_000 * STALE_S)


def test_two_workers_cannot_share_a_folder(tmp_path: Path) -> None:
    held = Rdict(str(tmp_path / "state"))
    with pytest.raises(StoreBroken, match="another worker"):
        RocksStore(tmp_path / "state", NOW)
    held.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MiB, three of RocksDB's buffers, that can be enlarged by mounting it anew."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(disk)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("only root may mount a small disk")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(store: Store) -> int:
    """Write until the disk is full; return the last position that was taken."""
    with pytest.raises(StoreBroken, match="No space left"):
        _grow(store)
    return store.position


def _grow(store: Store) -> None:
    rng = Random(3)
    for position in range(1, 2_000):
        store.apply({b"last": b"%d" % position, b"k%d" % position: rng.randbytes(50_000)}, position, NOW)


def test_a_full_disk_stops_the_store_and_costs_no_state(small_disk: Path) -> None:
    store = RocksStore(small_disk / "state", NOW)
    reached = fill(store)
    assert store.get(b"last") == b"%d" % reached, "what was taken can be read"
    store.close()
    assert not (small_disk / "state" / BROKEN).exists(), "the disk's fault is not the folder's"
    subprocess.run(["mount", "-o", "remount,size=256m", str(small_disk)], check=True)
    again = RocksStore(small_disk / "state", NOW)
    assert 0 < again.position <= reached
    assert again.get(b"last") == b"%d" % again.position
    again.apply({b"last": b"more"}, reached + 1, NOW)
    assert again.get(b"last") == b"more"
    again.close()


WRITER = """
import sys
from pathlib import Path
from random import Random
from streams.engine.rocks import RocksStore, room

store = RocksStore(Path(sys.argv[1]), float(sys.argv[2]), room(1 << 20, 256 << 10))
rng = Random(store.position)
while True:
    position = store.position + 1
    rows = {b"k%d" % number: b"%d " % position + rng.randbytes(rng.randrange(4_000)) for number in range(8)}
    store.apply(rows, position, float(sys.argv[2]))
    print(position, flush=True)
"""


def test_a_killed_writer_leaves_rows_and_position_of_one_moment(tmp_path: Path, repository: Path) -> None:
    """No marker tells a clean end from an unclean one: after either the folder stands at a point of its changelog."""
    rng = Random(5)
    reached, survived = 0, 0
    for _ in range(KILLS):
        command = [sys.executable, "-c", WRITER, str(tmp_path / "state"), str(NOW)]
        with subprocess.Popen(command, cwd=repository, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            first = int(writer.stdout.readline())
            assert first == survived + 1, "it goes on from where the last one was found"
            time.sleep(rng.uniform(0.0, 0.15))
            writer.send_signal(signal.SIGKILL)
            said = writer.stdout.read().split()
        reached = int(said[-1]) if said else first
        store = RocksStore(tmp_path / "state", NOW)
        survived = store.position
        moments = {value.split(b" ", 1)[0] for _, value in store.items()}
        store.close()
        assert survived <= reached + 1, "never ahead of what was written; the last line may not have come through"
        assert moments == ({b"%d" % survived} if survived else set()), "all rows are of the position's moment"
    assert survived > 0
