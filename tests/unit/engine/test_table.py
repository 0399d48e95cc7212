"""State moves only when the transaction commits."""

from schemas.records import Visitor
from schemas.topics import VISITORS
from streams.engine.hot import Hot
from streams.engine.store import MemoryStore
from streams.engine.table import Table
from tests.pipeline import CODEC

NOW = 1_795_000_000.0


def table(store: MemoryStore | None = None, hot: Hot | None = None) -> Table:
    return Table(VISITORS, 0, MemoryStore() if store is None else store, CODEC, hot)


def visitor(at: float = 1.0) -> Visitor:
    return Visitor(visitor_id="v-1", lead_id="e-1", at=at)


def test_a_write_is_seen_by_its_own_transaction_only() -> None:
    store = MemoryStore()
    first = table(store)
    first.put("v-1", visitor())
    assert first.get("v-1") == visitor()
    assert table(store).get("v-1") is None


def test_an_aborted_write_never_was() -> None:
    one = table()
    one.put("v-1", visitor(1.0))
    list(one.changes())
    one.commit(NOW)
    one.put("v-1", visitor(2.0))
    list(one.changes())
    one.abort()
    assert one.get("v-1") == visitor(1.0)


def test_many_writes_of_a_key_are_one_change() -> None:
    one = table()
    for at in range(5):
        one.put("v-1", visitor(float(at)))
    assert [key for key, _ in one.changes()] == [b"v-1"]


def test_a_deleted_row_is_a_tombstone_and_gone_after_the_commit() -> None:
    store = MemoryStore()
    one = table(store)
    one.put("v-1", visitor())
    list(one.changes())
    one.commit(NOW)
    one.put("v-1", None)
    assert list(one.changes()) == [(b"v-1", None)]
    one.commit(NOW)
    assert one.get("v-1") is None
    assert len(store) == 0


def test_rows_survive_being_forgotten_by_the_cache() -> None:
    one = table(hot=Hot(limit=2_000))
    for number in range(10):
        one.put(f"v-{number}", visitor(float(number)))
        list(one.changes())
        one.commit(NOW)
    assert [one.get(f"v-{number}") for number in range(10)] == [visitor(float(number)) for number in range(10)]


def test_the_position_follows_what_was_committed_and_not_what_was_aborted() -> None:
    store = MemoryStore()
    one = table(store)
    one.put("v-1", visitor())
    list(one.changes())
    one.delivered(7)
    one.abort()
    assert store.position == 0
    one.put("v-1", visitor())
    list(one.changes())
    one.delivered(9)
    one.commit(NOW)
    assert store.position == 10


def test_a_restored_row_replaces_a_cached_one() -> None:
    one = table()
    one.put("v-1", visitor(1.0))
    list(one.changes())
    one.commit(NOW)
    one.restore({b"v-1": CODEC.encode(visitor(5.0))}, 9)
    assert one.get("v-1") == visitor(5.0)


def test_a_reset_table_has_no_rows_however_recently_used() -> None:
    one = table()
    one.put("v-1", visitor(1.0))
    list(one.changes())
    one.commit(NOW)
    one.reset("log-2", NOW)
    assert one.get("v-1") is None
    assert (one.store.log, one.store.position) == ("log-2", 0)


def test_tables_share_a_cache_and_not_their_rows() -> None:
    hot = Hot()
    first, second = table(hot=hot), table(hot=hot)
    first.put("v-1", visitor())
    list(first.changes())
    first.commit(NOW)
    assert second.get("v-1") is None


def test_the_cache_holds_as_many_bytes_as_it_may() -> None:
    hot = Hot(limit=70_000)  # of rows decoded: a seventh of that encoded
    number = hot.enrol()
    for key in range(1_000):
        hot.put(number, str(key), visitor(float(key)), 100)
        assert hot.get(number, "0") is not None, "what is used stays"
        assert len(hot) <= 101
