"""What every store must do: a newcomer joins by being listed."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rocksdict import Rdict

from streams.engine.rocks import BROKEN, STALE_S, RocksStore
from streams.engine.store import MemoryStore, Store, StoreBroken

NOW = time.time()
STORES: dict[str, Callable[[Path], Store]] = {
    "memory": lambda _: MemoryStore(),
    "rocksdb": lambda folder: RocksStore(folder / "state", NOW),
}


@pytest.fixture(params=list(STORES.values()), ids=list(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    made: Store = request.param(tmp_path)
    return made


def test_a_new_store_is_empty_and_at_the_beginning(store: Store) -> None:
    assert (store.get("a"), list(store.items()), len(store), store.position) == (None, [], 0, 0)


def test_rows_and_position_are_set_together(store: Store) -> None:
    store.apply({"a": b"1", "b": b"2"}, 7)
    assert (store.get("a"), store.get("b"), store.position) == (b"1", b"2", 7)
    assert sorted(store.items()) == [("a", b"1"), ("b", b"2")]
    assert len(store) == 2


def test_none_removes_a_row_and_a_later_value_replaces_an_earlier_one(store: Store) -> None:
    store.apply({"a": b"1", "b": b"2"}, 1)
    store.apply({"a": None, "b": b"3", "never there": None}, 2)
    assert sorted(store.items()) == [("b", b"3")]


def test_any_text_may_be_a_key_and_any_bytes_a_value(store: Store) -> None:
    rows: dict[str, bytes | None] = {
        "": b"",
        "ü\x00": b"\x00\xff",
        "m:position": b"no position",
        "x" * 500: b"y" * 50_000,
    }
    store.apply(rows, 3)
    assert dict(store.items()) == rows
    assert store.position == 3


def test_a_store_on_disk_comes_back_as_it_was(tmp_path: Path) -> None:
    first = RocksStore(tmp_path, NOW)
    first.apply({"a": b"1"}, 42)
    first.close()
    again = RocksStore(tmp_path, NOW)
    assert (again.get("a"), again.position) == (b"1", 42)


def test_state_older_than_tombstones_live_is_thrown_away(tmp_path: Path) -> None:
    first = RocksStore(tmp_path, NOW)
    first.apply({"erased since": b"1"}, 42)
    first.close()
    again = RocksStore(tmp_path, time.time() + STALE_S + 60)
    assert (again.get("erased since"), again.position) == (None, 0)


def test_a_store_marked_broken_is_rebuilt(tmp_path: Path) -> None:
    first = RocksStore(tmp_path, NOW)
    first.apply({"a": b"1"}, 42)
    first.close()
    (tmp_path / BROKEN).touch()
    assert RocksStore(tmp_path, NOW).position == 0


def test_a_folder_that_is_no_database_any_more_is_rebuilt(tmp_path: Path) -> None:
    first = RocksStore(tmp_path, NOW)
    first.apply({"a": b"1"}, 42)
    first.close()
    for manifest in tmp_path.glob("MANIFEST*"):
        manifest.write_bytes(b"\xff" * 100)
    assert RocksStore(tmp_path, NOW).position == 0


def flip(folder: Path) -> None:
    for table in folder.glob("*.sst"):
        text = bytearray(table.read_bytes())
        text[:20_000] = bytes(byte ^ 0xFF for byte in text[:20_000])
        table.write_bytes(bytes(text))


def read_all(store: Store) -> None:
    for number in range(2_000):
        store.get(f"k{number}")


@pytest.fixture
def full(tmp_path: Path) -> RocksStore:
    made = RocksStore(tmp_path, NOW)
    made.apply({f"k{number}": b"v" * 300 for number in range(2_000)}, 42)
    made.close()
    return RocksStore(tmp_path, NOW)


def test_flipped_bytes_end_the_worker_and_the_next_one_rebuilds(full: RocksStore, tmp_path: Path) -> None:
    flip(tmp_path)
    with pytest.raises(StoreBroken):
        read_all(full)
    full.close()
    assert RocksStore(tmp_path, NOW).position == 0


def test_bytes_flipped_while_nobody_looked_are_found_at_the_start(full: RocksStore, tmp_path: Path) -> None:
    full.close()
    flip(tmp_path)
    assert RocksStore(tmp_path, NOW).position == 0


def test_two_workers_cannot_share_a_folder(tmp_path: Path) -> None:
    held = Rdict(str(tmp_path / "state"))
    with pytest.raises(StoreBroken, match="another worker"):
        RocksStore(tmp_path / "state", NOW)
    held.close()
