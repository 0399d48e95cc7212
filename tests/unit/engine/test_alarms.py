"""Rows that are due are woken in order, whatever was aborted or restored in between; one that crashes is gone."""

from collections.abc import Callable
from typing import cast

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.records import Record, Visitor
from schemas.step import Alarm, Applied, States
from schemas.topics import VISITORS
from streams.engine.alarms import wake
from streams.engine.store import MemoryStore
from streams.engine.table import Table
from tests.pipeline import CODEC

ROWS, CLOCKS = VISITORS, VISITORS._replace(name="clocks")
LATER = 10.0


def ring(states: States) -> Applied:
    """A row is due again `LATER`, twice; then it is gone."""
    row = cast("Visitor", states[0])
    again = replace(row, at=row.at + LATER, lead_id=row.lead_id + "x") if len(row.lead_id) < 2 else None
    return Applied((again, states[1]), (), "rung")


def at(row: Record) -> float:
    return cast("Visitor", row).at


def alarm(most: int = 3, step: Callable[[States], Applied] = ring) -> Alarm:
    return Alarm(at, lambda states: at(cast("Record", states[1])), step, most)


class Part:
    """One partition: rows, a clock, and what a scan over all rows says must be woken."""

    def __init__(self, which: Alarm) -> None:
        self.alarm = which
        self.rows, self.clock = Table(ROWS, 0, MemoryStore(), CODEC), Table(CLOCKS, 0, MemoryStore(), CODEC)
        self.position = 0

    def put(self, key: str, due: float) -> None:
        old, new = self.rows.get(key), Visitor(visitor_id=key, lead_id="", at=due)
        alarms = self.rows.alarms(self.alarm.due)
        self.rows.put(key, new)
        if old is None or at(old) != due:
            alarms.set(key, due)

    def wake(self, now: float) -> list[str]:
        self.clock.put("clock", Visitor(visitor_id="clock", lead_id="", at=now))
        alarms = self.rows.alarms(self.alarm.due)
        return [it.key for it in wake(self.alarm, alarms, ("", "clock"), (self.rows, self.clock))]

    def expected(self, now: float) -> list[str]:
        rows = {key: row for key in "abc" if (row := self.rows.get(key)) is not None}
        woken: list[str] = []
        while len(woken) < self.alarm.most:
            due = sorted((at(row), key) for key, row in rows.items() if at(row) <= now)
            if not due:
                break
            _, key = due[0]
            woken.append(key)
            after = cast("Visitor | None", ring((rows.pop(key), None)).states[0])
            if after is not None:
                rows[key] = after
        return woken

    def settle(self, how: str) -> None:
        for table in (self.rows, self.clock):
            if how == "abort":
                table.abort()
                continue
            list(table.changes())
            table.commit(0.0)
        if how == "restore":
            self.position += 1
            self.rows.restore({}, self.position)


puts = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40)), max_size=3)


@given(st.lists(st.tuples(puts, st.integers(0, 60), st.sampled_from(["commit", "abort", "restore"])), max_size=8))
def test_the_rows_alone_say_who_is_woken(story: list[tuple[list[tuple[str, int]], int, str]]) -> None:
    part = Part(alarm())
    for brought, now, how in story:
        for key, due in brought:
            part.put(key, float(due))
        expected = part.expected(now)
        assert part.wake(now) == expected
        part.settle(how)


def test_a_row_that_crashes_its_step_is_gone_and_holds_up_nobody() -> None:
    def crash(states: States) -> Applied:
        if cast("Visitor", states[0]).visitor_id == "a":
            raise ZeroDivisionError
        return ring(states)

    part = Part(alarm(step=crash))
    part.put("a", 1.0)
    part.put("b", 2.0)
    assert part.wake(5.0) == ["a", "b"]
    assert part.rows.get("a") is None
    assert part.rows.get("b") is not None
