"""What would make a round impossible to commit is buried: the broker's refusal would undo it again and again."""

from collections import Counter
from typing import cast

import msgspec
import pytest

from schemas.letters import LARGEST
from schemas.records import Record, Visitor
from schemas.rejected import Reason
from schemas.step import Agent, Alarm, Applied, Arrival, Foreign, States
from schemas.topics import DEAD_LETTERS, VISITORS, Emit
from streams.engine.boundary import Boundary, Met, Slice
from streams.engine.outbox import Outbox
from streams.engine.store import MemoryStore
from streams.engine.table import RowUnfit, Table
from tests.pipeline import CODEC
from tests.properties.test_rounds import Raw, Script

BURIED = Met("dead_letter", Reason.INVALID_VALUE)


def keep(_states: States, record: Record) -> Applied:
    return Applied((record,), (), "applied")


AGENT = Agent(
    "a",
    (VISITORS._replace(name="in"),),
    (VISITORS._replace(name="state"),),
    lambda record: (cast("Visitor", record).visitor_id,),
    keep,
    keyed=False,
)


def visitor(key: str, lead: str = "") -> bytes:
    return CODEC.encode(Visitor(visitor_id=key, lead_id=lead, at=1.0))


def play(agent: Agent, table: Table, *raws: Raw) -> tuple[Counter[Met], Script]:
    """Put records through an agent; return what became of them, and what was sent."""
    script = Script()
    script.begin()
    boundary = Boundary(agent, CODEC, cast("Outbox", script), partitions=1)
    return boundary.apply(Slice("in", 0, raws), (table,), []), script


def table(agent: Agent = AGENT) -> Table:
    return Table(agent.tables[0], 0, MemoryStore(), CODEC)


def test_a_record_that_its_own_key_makes_too_large_is_buried_and_not_sent_on() -> None:
    # Written straight to the topic under a short key: within its limit as it lies there, beyond it where it belongs.
    key = "k" * (LARGEST // 2)
    met, script = play(AGENT._replace(keyed=True), table(), Raw(0, 0, b"short", visitor(key)))
    assert met == {BURIED: 1}
    assert {topic for topic, _, _ in script._sent} == {DEAD_LETTERS.name, "audit"}


def test_a_row_is_as_large_as_its_key_and_its_value_together() -> None:
    key = "k" * (LARGEST // 2)
    rows, raw = table(), Raw(0, 0, key.encode(), visitor(key))
    assert play(AGENT, rows, raw)[0] == {Met("applied"): 1}
    try:
        list(rows.changes())
    except RowUnfit:
        rows.abort()
    assert rows.careful, "its close shows the size, and then each row is looked at"
    assert play(AGENT, rows, raw)[0] == {BURIED: 1}
    assert list(rows.changes()) == []


def test_a_foreign_record_wakes_rows_like_any_other() -> None:
    alarm = Alarm(due=lambda _: None, now=lambda _: 0.0, ring=lambda states: Applied(states, (), "rung"))
    read = Visitor(visitor_id="x", lead_id="", at=1.0)

    def envelope(_arrival: Arrival) -> Record:
        return read

    foreign = AGENT._replace(alarm=alarm, foreign=Foreign(Visitor, envelope, lambda record, _: record))
    rows = table(foreign)
    assert play(foreign, rows, Raw(0, 0, b"x", b"not ours", [("ce_id", b"1")]))[0] == {Met("applied"): 1}
    assert rows.get("x") == read


def late(states: States) -> Applied:
    """Send on a row that was due, and be due no more."""
    row = cast("Visitor", states[0])
    return Applied((None,), (Emit(VISITORS._replace(name="out"), "k" * (LARGEST // 2), row),), "rung")


def test_what_a_woken_row_makes_too_large_to_send_is_buried_and_its_neighbours_go_on() -> None:
    alarm = Alarm(due=lambda row: cast("Visitor", row).at, now=lambda _: 5.0, ring=late)
    waking = AGENT._replace(alarm=alarm)
    rows = table(waking)
    met, script = play(
        waking, rows, Raw(0, 0, b"large", visitor("large", "x" * (LARGEST // 2))), Raw(1, 0, b"s", visitor("s"))
    )
    assert met == {Met("applied"): 2, BURIED: 1}
    assert [topic for topic, _, _ in script._sent] == [DEAD_LETTERS.name, "out", "audit"]
    assert (rows.get("large"), rows.get("s")) == (None, None)


def test_a_record_whose_row_nobody_can_say_when_to_wake_is_buried_and_changes_nothing() -> None:
    def due(row: Record) -> float | None:
        raise ArithmeticError(row)

    alarm = Alarm(due=due, now=lambda _: 0.0, ring=late)
    unwakable = AGENT._replace(alarm=alarm)
    rows = table(unwakable)
    met, _ = play(unwakable, rows, Raw(0, 0, b"x", visitor("x")))
    assert met == {Met("dead_letter", Reason.CRASH): 1}
    assert (rows.get("x"), list(rows.changes())) == (None, [])


UNWRITABLE = "\ud800"  # no text in UTF-8, and so in no Avro
CRASHED = Met("dead_letter", Reason.CRASH)


def test_a_row_that_cannot_be_written_is_buried_as_one_that_is_too_large() -> None:
    def unwritable(_: States, record: Record) -> Applied:
        return Applied((msgspec.structs.replace(record, lead_id=UNWRITABLE),), (), "applied")

    odd, rows, raw = AGENT._replace(step=unwritable), table(), Raw(0, 0, b"x", visitor("x"))
    assert play(odd, rows, raw)[0] == {Met("applied"): 1}
    with pytest.raises(RowUnfit):
        list(rows.changes())
    rows.abort()
    assert play(odd, rows, raw)[0] == {CRASHED: 1}
    assert list(rows.changes()) == []


def ringing(states: States, *emits: Emit) -> Agent:
    """Return the agent, whose rows are all due, and then come to this."""
    rung = Applied(states, emits, "rung")
    return AGENT._replace(
        alarm=Alarm(due=lambda row: cast("Visitor", row).at, now=lambda _: 5.0, ring=lambda _: rung, most=1)
    )


BAD = Visitor(visitor_id="x", lead_id=UNWRITABLE, at=9.0)
LARGE = Visitor(visitor_id="x", lead_id="x" * LARGEST, at=9.0)


@pytest.mark.parametrize(
    ("waking", "met", "undone"),
    [
        (ringing((None,), Emit(VISITORS, "x", BAD)), CRASHED, False),
        (ringing((BAD,)), CRASHED, True),
        (ringing((LARGE,)), BURIED, True),
    ],
    ids=["it sends what cannot be written", "a row that cannot", "a row that is too large"],
)
def test_a_woken_row_that_comes_to_what_cannot_be_kept_is_buried_and_gone(
    waking: Agent, met: Met, undone: bool
) -> None:
    rows, raw = table(waking), Raw(0, 0, b"x", visitor("x"))
    if undone:  # only the round's close shows it
        play(waking, rows, raw)
        with pytest.raises(RowUnfit):
            list(rows.changes())
        rows.abort()
    assert play(waking, rows, raw)[0] == {Met("applied"): 1, met: 1}
    assert list(rows.changes()) == [(b"x", None)]


def test_a_row_that_cannot_be_read_wakes_nobody() -> None:
    waking = ringing((None,))
    rows = table(waking)
    assert waking.alarm is not None
    alarms = rows.alarms(waking.alarm.due)
    rows.store.apply({b"rotten": b"nothing of ours"}, 1)
    alarms.set("rotten", 0.5)
    assert play(waking, rows, Raw(0, 0, b"x", visitor("x")))[0] == {Met("applied"): 1}
    assert rows.get("x") is None, "the next one that is due has its turn"
