"""What every store must do: a newcomer joins by being listed, and by saying whether it outlives its process."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from streams.engine.rocks import RocksStore
from streams.engine.store import MemoryStore, Store

NOW = 1_795_000_000.0


class Kind(NamedTuple):
    """A store: how to open it in a folder, and whether it is there again when it is opened again."""

    open: Callable[[Path], Store]
    lasts: bool


KINDS = {
    "memory": Kind(lambda _: MemoryStore(), lasts=False),
    "rocksdb": Kind(lambda folder: RocksStore(folder / "state", NOW), lasts=True),
}


@pytest.fixture(params=list(KINDS.values()), ids=list(KINDS))
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest.fixture
def store(kind: Kind, tmp_path: Path) -> Iterator[Store]:
    opened = kind.open(tmp_path)
    yield opened
    opened.close()


def test_a_new_store_is_empty_and_at_the_beginning_of_no_changelog(store: Store) -> None:
    assert (store.get(b"a"), list(store.items()), len(store)) == (None, [], 0)
    assert (store.log, store.position) == ("", 0)


def test_rows_and_position_are_set_together(store: Store) -> None:
    store.apply({b"a": b"1", b"b": b"2"}, 7)
    assert (store.get(b"a"), store.get(b"b"), store.position) == (b"1", b"2", 7)
    assert sorted(store.items()) == [(b"a", b"1"), (b"b", b"2")]
    assert abs(len(store) - 2) <= 1  # an estimate, where counting would cost


def test_none_removes_a_row_and_a_later_value_replaces_an_earlier_one(store: Store) -> None:
    store.apply({b"a": b"1", b"b": b"2"}, 1)
    store.apply({b"a": None, b"b": b"3", b"never there": None}, 2)
    assert sorted(store.items()) == [(b"b", b"3")]


def test_a_position_may_move_without_rows_and_rows_may_be_whole(store: Store) -> None:
    store.apply({b"a": b"1"}, 1)
    store.apply({}, 9, NOW)
    assert (dict(store.items()), store.position) == ({b"a": b"1"}, 9)


def test_any_bytes_may_be_a_key_and_a_value(store: Store) -> None:
    rows: dict[bytes, bytes | None] = {
        b"": b"",
        b"\xff\x00": b"\x00\xff",
        b"m:position": b"no position",
        b"x" * 500: b"y" * 50_000,
    }
    store.apply(rows, 3)
    assert dict(store.items()) == rows
    assert store.position == 3


def test_a_reset_store_is_empty_and_at_the_beginning_of_its_changelog(store: Store) -> None:
    store.apply({b"of another log": b"1"}, 42)
    store.reset("log-2", NOW)
    assert (store.get(b"of another log"), list(store.items()), len(store)) == (None, [], 0)
    assert (store.log, store.position) == ("log-2", 0)
    store.apply({b"a": b"2"}, 1)
    assert dict(store.items()) == {b"a": b"2"}


def test_a_store_opened_again_is_where_it_was_or_at_the_beginning(kind: Kind, tmp_path: Path) -> None:
    first = kind.open(tmp_path)
    first.reset("log-1", NOW)
    first.apply({b"a": b"1", b"b": b"2"}, 41)
    first.apply({b"b": None}, 42)
    first.close()
    again = kind.open(tmp_path)
    found = again.log, again.position, dict(again.items())
    again.close()
    assert found == (("log-1", 42, {b"a": b"1"}) if kind.lasts else ("", 0, {}))


def test_an_erased_row_does_not_come_back(kind: Kind, tmp_path: Path) -> None:
    first = kind.open(tmp_path)
    first.apply({b"erased": b"1"}, 1)
    first.close()
    second = kind.open(tmp_path)
    second.apply({b"erased": None}, 2)
    second.close()
    third = kind.open(tmp_path)
    assert third.get(b"erased") is None
    third.close()


def test_rows_in_memory_that_are_written_again_and_again_take_no_more_room() -> None:
    rows = {b"%d" % number: b"x" for number in range(50_000)}
    store = MemoryStore()
    store.apply(rows, 1)
    before = sys.getsizeof(store._rows)
    for position in range(2, 6):
        store.apply(dict.fromkeys(rows, b"y"), position)
    assert sys.getsizeof(store._rows) == before
