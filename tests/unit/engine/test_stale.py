"""State that nobody kept up for longer than deletions are remembered is thrown away, wherever it lay meanwhile."""

import pytest

from schemas.records import Visitor
from schemas.topics import VISITORS
from streams.engine.restore import Bounds, discard
from streams.engine.store import STALE_S, MemoryStore
from streams.engine.table import Table
from tests.pipeline import CODEC

NOW = 1_795_000_000.0
PLACE = (VISITORS.name, 0)
FOUND = {PLACE: Bounds("log-1", 0, 100)}
ERASED = Visitor(visitor_id="erased", lead_id="e-1", at=1.0)


@pytest.fixture
def table() -> Table:
    """A table that has been restored: it held all of its changelog NOW."""
    made = Table(VISITORS, 0, MemoryStore(), CODEC)
    made.reset("log-1", NOW)
    made.restore({b"erased": CODEC.encode(ERASED)}, 41)
    made.whole(NOW)
    return made


@pytest.mark.parametrize(("age_s", "left"), [(STALE_S - 60, 41), (STALE_S + 60, 0)], ids=["young", "stale"])
def test_a_worker_that_was_cut_off_does_not_bring_erased_leads_back(table: Table, age_s: float, left: int) -> None:
    discard({PLACE: table}, FOUND, NOW + age_s)
    assert table.store.position == left
    assert (table.get("erased") is None) is (left == 0)


def test_what_is_written_to_does_not_grow_old(table: Table) -> None:
    table.put("new", ERASED)
    list(table.changes())
    table.commit(NOW + STALE_S)
    discard({PLACE: table}, FOUND, NOW + STALE_S + 60)
    assert table.store.position == 41


def test_what_is_only_read_halfway_does_not_grow_younger(table: Table) -> None:
    table.restore({b"another": CODEC.encode(ERASED)}, 50)
    discard({PLACE: table}, FOUND, NOW + STALE_S + 60)
    assert table.store.position == 0


def test_of_a_table_just_opened_its_store_has_judged() -> None:
    table = Table(VISITORS, 0, MemoryStore(), CODEC)
    table.store.reset("log-1", NOW)
    table.store.apply({b"a": b"1"}, 41)
    discard({PLACE: table}, FOUND, NOW + 10 * STALE_S)
    assert table.store.position == 41
